// NumPy's .npy format: memory-mapped reading and atomic writing of C-order little-endian arrays.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/files.h"

namespace seg {

enum class DType { f16, f32, f64, i8, i16, i32, i64, u8, u16, u32, u64, boolean };

std::size_t item_size(DType dtype);
/// NumPy's name, such as "<f4".
std::string_view numpy_name(DType dtype);

template <class T>
constexpr DType dtype_of();
template <>
constexpr DType dtype_of<float>() {
  return DType::f32;
}
template <>
constexpr DType dtype_of<double>() {
  return DType::f64;
}
template <>
constexpr DType dtype_of<std::int8_t>() {
  return DType::i8;
}
template <>
constexpr DType dtype_of<std::int16_t>() {
  return DType::i16;
}
template <>
constexpr DType dtype_of<std::int32_t>() {
  return DType::i32;
}
template <>
constexpr DType dtype_of<std::int64_t>() {
  return DType::i64;
}
template <>
constexpr DType dtype_of<std::uint8_t>() {
  return DType::u8;
}
template <>
constexpr DType dtype_of<std::uint16_t>() {
  return DType::u16;
}

/// Shape, type and where the values start, of one array.
struct NpyHeader {
  DType dtype = DType::f32;
  std::vector<std::int64_t> shape;
  std::size_t data_offset = 0;
  std::int64_t count() const;
};

/// Parses the header at the start of `bytes` and checks that the values fit behind it.
/// Throws Error for anything but a C-order little-endian array of a known type whose values are aligned.
NpyHeader parse_npy_header(std::span<const std::byte> bytes);

/// Throws Error unless `bytes` is the size of an array's values.
void check_npy_size(DType dtype, std::span<const std::int64_t> shape, std::size_t bytes);

/// Header bytes of an array, padded as NumPy does.
std::string npy_header_text(DType dtype, std::span<const std::int64_t> shape);

/// The values behind `header` in `file`, a whole .npy file in memory; throws Error when they are of another
/// type. `name` names the array in errors.
template <class T>
std::span<const T> npy_values(std::string_view name, const NpyHeader& header,
                              std::span<const std::byte> file) {
  if (header.dtype != dtype_of<T>()) {
    fail("{}: expected values of type {}, got {}", name, numpy_name(dtype_of<T>()), numpy_name(header.dtype));
  }
  return {reinterpret_cast<const T*>(file.data() + header.data_offset),
          static_cast<std::size_t>(header.count())};
}

/// A memory-mapped .npy file.
class NpyFile {
 public:
  /// Throws Error with the path when it is not a readable .npy file.
  explicit NpyFile(const fs::path& path);
  const NpyHeader& header() const { return header_; }
  const std::vector<std::int64_t>& shape() const { return header_.shape; }

  /// The values in place; throws Error when the file holds another type.
  template <class T>
  std::span<const T> values() const {
    return npy_values<T>(path_, header_, file_.bytes());
  }

 private:
  std::string path_;
  MappedFile file_;
  NpyHeader header_;
};

void write_npy_bytes(const fs::path& path, DType dtype, std::span<const std::int64_t> shape,
                     std::span<const std::byte> values);

/// Writes an array; `values.size()` must be the product of `shape`.
template <class T>
void write_npy(const fs::path& path, std::span<const std::int64_t> shape, std::span<const T> values) {
  write_npy_bytes(path, dtype_of<T>(), shape, std::as_bytes(values));
}

}  // namespace seg
