// A network's weights by name, as float32.
#pragma once
#include <map>
#include <span>
#include <string>
#include <vector>

#include "weights/named_arrays.h"

namespace seg::engine {

class Parameters {
 public:
  /// `arrays` must outlive this.
  explicit Parameters(std::span<const TensorView> arrays);

  /// The values of an array. Throws Error where it is missing or of another shape.
  std::vector<float> get(const std::string& name, const std::vector<std::int64_t>& shape) const;
  /// Its shape. Throws Error where it is missing.
  const std::vector<std::int64_t>& shape(const std::string& name) const;

 private:
  const TensorView& find(const std::string& name) const;

  std::map<std::string_view, const TensorView*> arrays_;
};

}  // namespace seg::engine
