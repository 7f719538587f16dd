// A network's weights with those of some layers as int8. Beside NAME.weight, whose values are whole numbers
// of a scale, there are that scale for every output channel, and the scale and zero point of the layer's
// inputs.
#pragma once
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "engine/calibration.h"
#include "weights/named_arrays.h"

namespace seg::engine {

inline constexpr const char* kWeight = ".weight";
inline constexpr const char* kWeightScale = ".weight_scale";         ///< [output channels]
inline constexpr const char* kInputScale = ".input_scale";           ///< [1]
inline constexpr const char* kInputZeroPoint = ".input_zero_point";  ///< [1], int32

/// Whether any layer's weight is int8.
bool has_int8(std::span<const TensorView> arrays);

class Int8Weights {
 public:
  /// `weights` are named as in a state dict; those of layers that were not calibrated stay as they are, and
  /// must outlive this. Throws Error where a calibrated layer has none.
  Int8Weights(std::span<const TensorView> weights, const Calibration& calibration);

  const std::vector<TensorView>& arrays() const { return arrays_; }

 private:
  void add_layer(const TensorView& weight, const CalibratedLayer& layer);
  template <class Value>
  void add(std::string name, TensorType type, std::vector<std::int64_t> shape,
           const std::vector<Value>& values);

  std::vector<TensorView> arrays_;
  std::deque<std::vector<std::int8_t>> values_;
  std::deque<std::vector<float>> scales_;
  std::deque<std::vector<std::int32_t>> zero_points_;
};

}  // namespace seg::engine
