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

std::shared_ptr<const void> Parameters::reader(const TensorView& array) const {
  if (!read_) return nullptr;
  return {&array, [read = read_](const TensorView* done) { read(*done); }};
}

Values<float> Parameters::get(const std::string& name, const std::vector<std::int64_t>& shape) const {
  const TensorView& array = find(name, shape);
  fetch_pages(array.bytes);
  const auto owner = reader(array);
  const auto* start = reinterpret_cast<const float*>(array.bytes.data());
  if (array.type == TensorType::f32 && reinterpret_cast<std::uintptr_t>(start) % alignof(float) == 0)
    return {{start, array.bytes.size() / sizeof(float)}, owner};
  return float_values(array);
}

Weight Parameters::weight(const std::string& name, const std::vector<std::int64_t>& shape,
                          std::size_t out_axis) const {
  const TensorView& array = find(name + kWeight, shape);
  if (array.type != TensorType::i8) return {get(name + kWeight, shape)};
  fetch_pages(array.bytes);
  const TensorView& zero_point = find(name + kInputZeroPoint, {1});
  std::int32_t zero = 0;
  if (zero_point.type != TensorType::i32) fail("{}: expected an int32 number", zero_point.name);
  std::memcpy(&zero, zero_point.bytes.data(), sizeof zero);
  if (zero < -128 || zero > 127) fail("{}: expected -128 to 127, got {}", zero_point.name, zero);
  Weight weight{
      .int8 = {{reinterpret_cast<const std::int8_t*>(array.bytes.data()), array.bytes.size()}, reader(array)},
      .channel_scales = get(name + kWeightScale, {shape[out_axis]}).copy(),
      .input = {get(name + kInputScale, {1})[0], zero}};
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
