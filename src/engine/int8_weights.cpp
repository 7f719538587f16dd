#include "engine/int8_weights.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "weights/array_values.h"

namespace seg::engine {
namespace {

constexpr float kMost = 127;  // of a weight: as large above zero as below

}  // namespace

bool has_int8(std::span<const TensorView> arrays) {
  return std::ranges::any_of(arrays, [](const TensorView& array) { return array.type == TensorType::i8; });
}

Int8Weights::Int8Weights(std::span<const TensorView> weights, const Calibration& calibration) {
  std::size_t found = 0;
  for (const TensorView& array : weights) {
    const bool is_weight = array.name.ends_with(kWeight);
    const auto layer =
        is_weight
            ? calibration.find(array.name.substr(0, array.name.size() - std::string_view(kWeight).size()))
            : calibration.end();
    if (layer == calibration.end()) {
      arrays_.push_back(array);
    } else {
      add_layer(array, layer->second);
      ++found;
    }
  }
  if (found != calibration.size())
    fail("{} layers were calibrated, but only {} of them have weights", calibration.size(), found);
}

void Int8Weights::add_layer(const TensorView& weight, const CalibratedLayer& layer) {
  const std::vector<float> values = float_values(weight);
  const auto channels = static_cast<std::size_t>(weight.shape.at(layer.out_axis));
  std::size_t inner = 1;  // values that share a channel, one behind the other
  for (std::size_t axis = layer.out_axis + 1; axis < weight.shape.size(); ++axis)
    inner *= static_cast<std::size_t>(weight.shape[axis]);
  const auto channel_of = [&](std::size_t i) { return i / inner % channels; };
  auto& scales = scales_.emplace_back(channels);
  for (std::size_t i = 0; i < values.size(); ++i)
    scales[channel_of(i)] = std::max(scales[channel_of(i)], std::abs(values[i]) / kMost);
  for (float& scale : scales) scale = scale > 0 ? scale : 1;
  auto& rounded = values_.emplace_back(values.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    rounded[i] = static_cast<std::int8_t>(std::lround(values[i] / scales[channel_of(i)]));
  const Int8Scale input = layer.input.best_scale();

  const std::string name = weight.name.substr(0, weight.name.size() - std::string_view(kWeight).size());
  add(weight.name, TensorType::i8, weight.shape, rounded);
  add(name + kWeightScale, TensorType::f32, {static_cast<std::int64_t>(channels)}, scales);
  add(name + kInputScale, TensorType::f32, {1}, scales_.emplace_back(std::vector{input.scale}));
  add(name + kInputZeroPoint, TensorType::i32, {1}, zero_points_.emplace_back(std::vector{input.zero_point}));
}

template <class Value>
void Int8Weights::add(std::string name, TensorType type, std::vector<std::int64_t> shape,
                      const std::vector<Value>& values) {
  arrays_.push_back({std::move(name), type, std::move(shape), std::as_bytes(std::span(values))});
}

}  // namespace seg::engine
