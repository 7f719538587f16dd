#include "weights/array_values.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/error.h"

namespace seg {
namespace {

float float_of_half(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  float value =
      std::ldexp(static_cast<float>(exponent == 0 ? fraction : 1024 + fraction), std::max(exponent, 1) - 25);
  if (exponent == 31) value = fraction == 0 ? INFINITY : NAN;
  return (bits & 0x8000) != 0 ? -value : value;
}

float float_of_bfloat(std::uint16_t bits) {
  return std::bit_cast<float>(std::uint32_t{bits} << 16);
}

/// What is stored as `Stored`, each number through `convert`.
template <class Stored, class Value, class Convert>
std::vector<Value> converted(const TensorView& array, const Convert& convert) {
  std::vector<Value> values(array.bytes.size() / sizeof(Stored));
  for (std::size_t i = 0; i < values.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, array.bytes.data() + i * sizeof(Stored), sizeof(Stored));
    values[i] = static_cast<Value>(convert(stored));
  }
  return values;
}

template <class Stored, class Value>
std::vector<Value> cast(const TensorView& array) {
  return converted<Stored, Value>(array, [](Stored stored) { return stored; });
}

/// Values of the four floating-point types.
template <class Value>
std::vector<Value> real_values(const TensorView& array) {
  switch (array.type) {
    case TensorType::f64:
      return cast<double, Value>(array);
    case TensorType::f32:
      return cast<float, Value>(array);
    case TensorType::f16:
      return converted<std::uint16_t, Value>(array, float_of_half);
    case TensorType::bf16:
      return converted<std::uint16_t, Value>(array, float_of_bfloat);
    default:
      fail("{}: expected floating-point values, got {}", array.name, type_name(array.type));
  }
}

}  // namespace

bool is_floating(TensorType type) {
  return type == TensorType::f64 || type == TensorType::f32 || type == TensorType::f16 ||
         type == TensorType::bf16;
}

std::vector<float> float_values(const TensorView& array) {
  const void* start = array.bytes.data();
  if (array.type == TensorType::f32 && reinterpret_cast<std::uintptr_t>(start) % alignof(float) == 0) {
    const auto* values = static_cast<const float*>(start);
    return {values, values + array.bytes.size() / sizeof(float)};
  }
  return real_values<float>(array);
}

std::vector<double> double_values(const TensorView& array) {
  switch (array.type) {
    case TensorType::i64:
      return cast<std::int64_t, double>(array);
    case TensorType::i32:
      return cast<std::int32_t, double>(array);
    case TensorType::i16:
      return cast<std::int16_t, double>(array);
    case TensorType::i8:
      return cast<std::int8_t, double>(array);
    case TensorType::u8:
    case TensorType::boolean:
      return cast<std::uint8_t, double>(array);
    default:
      return real_values<double>(array);
  }
}

std::uint16_t half_of(float value) {
  constexpr float kSmallestNormal = 0x1p-14f;
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint32_t>(bits >> 16 & 0x8000u);
  const float size = std::abs(value);
  std::uint32_t half = 0x7E00;  // not a number
  if (size < kSmallestNormal) {
    half = std::bit_cast<std::uint32_t>(size + 0.5f) - std::bit_cast<std::uint32_t>(0.5f);  // steps of 2^-24
  } else if (!std::isnan(value)) {
    const std::uint32_t rounded = (bits & 0x7FFFFFFFu) + 0xFFFu + (bits >> 13 & 1u);
    half = std::min((rounded >> 13) - (112u << 10), 0x7C00u);  // 112: the exponents' biases, 127 and 15
  }
  return static_cast<std::uint16_t>(sign | half);
}

}  // namespace seg
