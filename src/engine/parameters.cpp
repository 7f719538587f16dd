#include "engine/parameters.h"

#include <fmt/ranges.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "base/error.h"

namespace seg::engine {
namespace {

template <class T>
T read(const std::byte* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

/// IEEE 754 half precision.
float float_of_half(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  float value =
      std::ldexp(static_cast<float>(exponent == 0 ? mantissa : 1024 + mantissa), std::max(exponent, 1) - 25);
  if (exponent == 31) value = mantissa == 0 ? INFINITY : NAN;
  return (bits & 0x8000) != 0 ? -value : value;
}

float value_of(const TensorView& array, const std::byte* bytes) {
  switch (array.type) {
    case TensorType::f32:
      return read<float>(bytes);
    case TensorType::f64:
      return static_cast<float>(read<double>(bytes));
    case TensorType::f16:
      return float_of_half(read<std::uint16_t>(bytes));
    case TensorType::bf16:
      return std::bit_cast<float>(std::uint32_t{read<std::uint16_t>(bytes)} << 16);
    default:
      fail("{}: expected floating-point values, got {}", array.name, type_name(array.type));
  }
}

}  // namespace

Parameters::Parameters(std::span<const TensorView> arrays) {
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

std::vector<float> Parameters::get(const std::string& name, const std::vector<std::int64_t>& shape) const {
  const TensorView& array = find(name);
  if (array.shape != shape) {
    fail("the weights do not fit the network: {} should have the shape [{}], got [{}]", name,
         fmt::join(shape, ", "), fmt::join(array.shape, ", "));
  }
  const std::size_t size = item_size(array.type);
  std::vector<float> values(array.bytes.size() / size);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = value_of(array, array.bytes.data() + i * size);
  return values;
}

}  // namespace seg::engine
