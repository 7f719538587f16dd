#include "engine/parameters.h"

#include <fmt/ranges.h>

#include <cmath>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "engine/int8_weights.h"
#include "weights/array_values.h"

namespace seg::engine {

Parameters::Parameters(std::span<const TensorView> arrays, std::function<void(const TensorView&)> read)
    : read_(std::move(read)) {
  for (const TensorView& array : arrays) arrays_.emplace(array.name, &array);
}

const TensorView& Parameters::find(const std::string& name) const {
  const auto found = arrays_.find(name);
  if (found == arrays_.end()) fail("the weights do not fit the network: {} is missing", name);
  return *found->second;
}

const std::vector<std::int64_t>& Parameters::shape(const std::string& name) const {
  return find(name).shape;
}

const TensorView& Parameters::find(const std::string& name, const std::vector<std::int64_t>& shape) const {
  const TensorView& array = find(name);
  if (array.shape != shape) {
    fail("the weights do not fit the network: {} should have the shape [{}], got [{}]", name,
         fmt::join(shape, ", "), fmt::join(array.shape, ", "));
  }
  return array;
}

std::vector<float> Parameters::get(const std::string& name, const std::vector<std::int64_t>& shape) const {
  const TensorView& array = find(name, shape);
  std::vector<float> values = float_values(array);
  if (read_) read_(array);
  return values;
}

Weight Parameters::weight(const std::string& name, const std::vector<std::int64_t>& shape,
                          std::size_t out_axis) const {
  const TensorView& array = find(name + kWeight, shape);
  if (array.type != TensorType::i8) return {get(name + kWeight, shape)};
  const TensorView& zero_point = find(name + kInputZeroPoint, {1});
  if (zero_point.type != TensorType::i8) fail("{}: expected an int8 number", zero_point.name);
  Weight weight{.int8 = std::vector<std::int8_t>(array.bytes.size()),
                .channel_scales = get(name + kWeightScale, {shape[out_axis]}),
                .input = {get(name + kInputScale, {1})[0], static_cast<std::int8_t>(zero_point.bytes[0])}};
  std::memcpy(weight.int8.data(), array.bytes.data(), array.bytes.size());
  if (read_) read_(array);
  for (const float scale : weight.sum_scales()) {
    if (!std::isnormal(scale) || scale < 0) fail("{}: expected positive scales, got {:g}", name, scale);
  }
  return weight;
}

std::vector<float> Weight::sum_scales() const {
  std::vector<float> scales = channel_scales;
  for (float& scale : scales) scale *= input.scale;
  return scales;
}

}  // namespace seg::engine
