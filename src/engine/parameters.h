// A network's weights by name, as float32.
#pragma once
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "weights/named_arrays.h"

namespace seg::engine {

class Parameters {
 public:
  /// `arrays` must outlive this.
  /// `read` is called with each array whose values have been copied.
  explicit Parameters(std::span<const TensorView> arrays, std::function<void(const TensorView&)> read = {});

  /// The values of an array. Throws Error where it is missing or of another shape.
  std::vector<float> get(const std::string& name, const std::vector<std::int64_t>& shape) const;
  /// Its shape. Throws Error where it is missing.
  const std::vector<std::int64_t>& shape(const std::string& name) const;

 private:
  const TensorView& find(const std::string& name) const;

  std::map<std::string_view, const TensorView*> arrays_;
  std::function<void(const TensorView&)> read_;
};

}  // namespace seg::engine
