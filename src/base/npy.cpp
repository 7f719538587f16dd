#include "base/npy.h"

#include <fmt/ranges.h>

#include <array>
#include <charconv>
#include <cstring>
#include <fstream>

namespace seg {
namespace {

struct TypeRow {
  DType dtype;
  std::string_view name;
  std::size_t size;
};
constexpr std::array<TypeRow, 12> kTypes{{{DType::f16, "<f2", 2},
                                          {DType::f32, "<f4", 4},
                                          {DType::f64, "<f8", 8},
                                          {DType::i8, "|i1", 1},
                                          {DType::i16, "<i2", 2},
                                          {DType::i32, "<i4", 4},
                                          {DType::i64, "<i8", 8},
                                          {DType::u8, "|u1", 1},
                                          {DType::u16, "<u2", 2},
                                          {DType::u32, "<u4", 4},
                                          {DType::u64, "<u8", 8},
                                          {DType::boolean, "|b1", 1}}};

const TypeRow& row(DType dtype) {
  return kTypes[static_cast<std::size_t>(dtype)];
}

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::int64_t kMaxItems = std::int64_t{1} << 48;

/// The text behind `'key':` in the header's dict, from its first non-blank character.
std::string_view value_of(std::string_view dict, std::string_view key) {
  const auto at = dict.find(fmt::format("'{}':", key));
  if (at == std::string_view::npos) fail("npy header has no '{}'", key);
  auto rest = dict.substr(at + key.size() + 3);
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  return rest;
}

DType parse_dtype(std::string_view text) {
  const auto end = text.size() > 1 ? text.find('\'', 1) : std::string_view::npos;
  const auto name = end == std::string_view::npos ? text : text.substr(1, end - 1);
  for (const auto& type : kTypes) {
    const bool same_byte = type.size == 1 && !name.empty() && type.name.substr(1) == name.substr(1);
    if (type.name == name || same_byte) return type.dtype;
  }
  fail("npy values of type {} are not supported", name.substr(0, 20));
}

std::vector<std::int64_t> parse_shape(std::string_view text) {
  if (!text.starts_with('(')) fail("npy header has a broken shape");
  std::vector<std::int64_t> shape;
  const char* at = text.data() + 1;
  const char* const end = text.data() + text.size();
  while (at < end && *at != ')') {
    if (*at == ' ' || *at == ',' || *at == 'L') {
      ++at;
      continue;
    }
    std::int64_t size = 0;
    const auto [next, error] = std::from_chars(at, end, size);
    if (error != std::errc{} || size < 0) fail("npy header has a broken shape");
    shape.push_back(size);
    at = next;
  }
  return shape;
}

}  // namespace

std::size_t item_size(DType dtype) {
  return row(dtype).size;
}
std::string_view numpy_name(DType dtype) {
  return row(dtype).name;
}

std::int64_t NpyHeader::count() const {
  std::int64_t items = 1;
  for (const auto size : shape) {
    if (size != 0 && items > kMaxItems / size) fail("npy shape is too large");
    items *= size;
  }
  return items;
}

NpyHeader parse_npy_header(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.size() < 12 || !text.starts_with(kMagic)) fail("not an .npy file (wrong first bytes)");
  const int version = static_cast<unsigned char>(text[6]);
  const std::size_t start = version == 1 ? 10 : 12;
  std::size_t length = 0;
  for (std::size_t i = start; i-- > 8;) length = length << 8 | static_cast<unsigned char>(text[i]);
  if (length > text.size() - start) fail("the .npy header is cut off");
  const auto dict = text.substr(start, length);
  if (value_of(dict, "fortran_order").starts_with("True"))
    fail("Fortran-order .npy arrays are not supported");
  NpyHeader header{parse_dtype(value_of(dict, "descr")), parse_shape(value_of(dict, "shape")),
                   start + length};
  const auto need = static_cast<std::size_t>(header.count()) * item_size(header.dtype);
  const auto have = bytes.size() - header.data_offset;
  if (have < need) fail("the .npy file is cut off: expected {} bytes of values, got {}", need, have);
  if (header.data_offset % item_size(header.dtype) != 0)
    fail("the .npy values start at byte {}, which is not aligned", header.data_offset);
  return header;
}

void check_npy_size(DType dtype, std::span<const std::int64_t> shape, std::size_t bytes) {
  const NpyHeader header{dtype, {shape.begin(), shape.end()}, 0};
  const std::size_t expected = static_cast<std::size_t>(header.count()) * item_size(dtype);
  if (bytes != expected)
    fail("shape ({}) takes {} bytes of values, got {}", fmt::join(shape, ", "), expected, bytes);
}

std::string npy_header_text(DType dtype, std::span<const std::int64_t> shape) {
  std::string sizes;
  for (const auto size : shape) sizes += fmt::format("{}, ", size);
  if (shape.size() > 1) sizes.resize(sizes.size() - 2);
  if (shape.size() == 1) sizes.resize(sizes.size() - 1);  // "(5,)"
  std::string dict =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", numpy_name(dtype), sizes);
  const std::size_t unpadded = 10 + dict.size() + 1;
  dict.append((64 - unpadded % 64) % 64, ' ');
  dict += '\n';
  std::string text(kMagic);
  text += '\x01';
  text += '\0';
  text += static_cast<char>(dict.size() & 0xff);
  text += static_cast<char>(dict.size() >> 8);
  return text + dict;
}

NpyFile::NpyFile(const fs::path& path) : path_(path.string()), file_(path) {
  header_ = with_context(path_, [&] { return parse_npy_header(file_.bytes()); });
}

void write_npy_bytes(const fs::path& path, DType dtype, std::span<const std::int64_t> shape,
                     std::span<const std::byte> values) {
  with_context(path.string(), [&] { check_npy_size(dtype, shape, values.size()); });
  write_atomically(path, [&](const fs::path& temporary) {
    std::ofstream out(temporary, std::ios::binary);
    out << npy_header_text(dtype, shape);
    out.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(values.size()));
    out.close();
    if (!out) fail("{}", std::strerror(errno));
  });
}

}  // namespace seg
