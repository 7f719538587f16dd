// A network's weights by name, as float32.
#pragma once
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/calibration.h"
#include "weights/named_arrays.h"

namespace seg::engine {

/// A layer's weight: float32, or int8 (engine/int8_weights.h).
struct Weight {
  std::vector<float> values{};          ///< empty where it is int8
  std::vector<std::int8_t> int8{};      ///< empty where it is not
  std::vector<float> channel_scales{};  ///< of int8: of the output channels
  Int8Scale input{};                    ///< of int8

  bool is_int8() const { return !int8.empty(); }
  /// What values the layer's whole numbers are multiples of, by output channel.
  std::vector<float> sum_scales() const;
  /// `edit` done to the values, whichever they are.
  template <class Edit>
  void edit_values(Edit edit) {
    is_int8() ? edit(int8) : edit(values);
  }
};

class Parameters {
 public:
  /// `arrays` must outlive this.
  /// `read` is called with each array whose values have been copied.
  explicit Parameters(std::span<const TensorView> arrays, std::function<void(const TensorView&)> read = {});

  /// The values of an array. Throws Error where it is missing or of another shape.
  std::vector<float> get(const std::string& name, const std::vector<std::int64_t>& shape) const;
  /// A layer's weight; `name` without ".weight". Throws Error as `get`, and where scales are not positive.
  Weight weight(const std::string& name, const std::vector<std::int64_t>& shape,
                std::size_t out_axis = 0) const;
  /// Its shape. Throws Error where it is missing.
  const std::vector<std::int64_t>& shape(const std::string& name) const;

 private:
  const TensorView& find(const std::string& name) const;
  const TensorView& find(const std::string& name, const std::vector<std::int64_t>& shape) const;

  std::map<std::string_view, const TensorView*> arrays_;
  std::function<void(const TensorView&)> read_;
};

}  // namespace seg::engine
