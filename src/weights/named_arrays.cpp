#include "weights/named_arrays.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/error.h"

namespace seg {
namespace {

constexpr std::array<TensorTypeRow, 10> kTypes{{{TensorType::f64, "F64", "float64", "DoubleStorage", 8},
                                                {TensorType::f32, "F32", "float32", "FloatStorage", 4},
                                                {TensorType::f16, "F16", "float16", "HalfStorage", 2},
                                                {TensorType::bf16, "BF16", "bfloat16", "BFloat16Storage", 2},
                                                {TensorType::i64, "I64", "int64", "LongStorage", 8},
                                                {TensorType::i32, "I32", "int32", "IntStorage", 4},
                                                {TensorType::i16, "I16", "int16", "ShortStorage", 2},
                                                {TensorType::i8, "I8", "int8", "CharStorage", 1},
                                                {TensorType::u8, "U8", "uint8", "ByteStorage", 1},
                                                {TensorType::boolean, "BOOL", "bool", "BoolStorage", 1}}};
constexpr std::uint64_t kMaxItems = std::uint64_t{1} << 48;

const TensorTypeRow& row(TensorType type) {
  return kTypes[static_cast<std::size_t>(type)];
}

}  // namespace

std::span<const TensorTypeRow> tensor_types() {
  return kTypes;
}

std::size_t item_size(TensorType type) {
  return row(type).size;
}

std::string_view type_name(TensorType type) {
  return row(type).name;
}

std::uint64_t count_of(std::span<const std::int64_t> shape) {
  std::uint64_t items = 1;
  for (const auto size : shape) {
    if (size < 0) fail("shape [{}] has a negative size", fmt::join(shape, ", "));
    const auto unsigned_size = static_cast<std::uint64_t>(size);
    if (size > 0 && items > kMaxItems / unsigned_size)
      fail("shape [{}] is too large", fmt::join(shape, ", "));
    items *= unsigned_size;
  }
  return items;
}

void check_bytes(TensorType type, std::span<const std::int64_t> shape, std::size_t bytes) {
  const std::size_t expected = count_of(shape) * item_size(type);
  if (bytes != expected) {
    fail("shape [{}] of type {} takes {} bytes, got {}", fmt::join(shape, ", "), type_name(type), expected,
         bytes);
  }
}

const TensorView* NamedArrays::find(std::string_view name) const {
  const auto found = std::find_if(tensors_.begin(), tensors_.end(),
                                  [name](const TensorView& tensor) { return tensor.name == name; });
  return found == tensors_.end() ? nullptr : &*found;
}

}  // namespace seg
