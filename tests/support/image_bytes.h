// Image files of kinds that the program reads but does not write, byte by byte.
#pragma once
#include <zlib.h>

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "image/volume.h"

namespace seg::testing {

inline std::string bytes_of_number(std::uint64_t value, std::size_t size, bool big_endian) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i)
    bytes[big_endian ? size - 1 - i : i] = static_cast<char>(value >> (8 * i));
  return bytes;
}

/// An 8-bit PNG. `colour` is PNG's colour type (0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA), `pixels`
/// are rows of interleaved samples, `palette` is R, G, B one after the other.
inline std::string png_bytes(std::uint32_t width, std::uint32_t height, int colour, const std::string& pixels,
                             const std::string& palette = {}) {
  std::string file = "\x89PNG\r\n\x1A\n";
  const auto chunk = [&](const std::string& name, const std::string& data) {
    const std::string body = name + data;
    const auto checksum =
        ::crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
    file += bytes_of_number(data.size(), 4, true) + body + bytes_of_number(checksum, 4, true);
  };
  std::string rows;
  const std::size_t row = pixels.size() / height;
  for (std::uint32_t y = 0; y < height; ++y) rows += '\0' + pixels.substr(y * row, row);
  uLongf size = compressBound(static_cast<uLong>(rows.size()));
  std::string packed(size, '\0');
  compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(rows.data()),
           static_cast<uLong>(rows.size()));
  packed.resize(size);
  chunk("IHDR", bytes_of_number(width, 4, true) + bytes_of_number(height, 4, true) + '\x08' +
                    static_cast<char>(colour) + std::string(3, '\0'));
  if (!palette.empty()) chunk("PLTE", palette);
  chunk("IDAT", packed);
  chunk("IEND", "");
  return file;
}

/// A BMP of 8 (palette of greys), 24 or 32 bits with a header of 40, 108 or 124 bytes. `rows` from the
/// bottom, each of whole groups of four bytes.
inline std::string bmp_bytes(std::uint32_t width, std::uint32_t height, std::uint32_t bits,
                             std::uint32_t header, const std::string& rows) {
  const auto number = [](std::uint64_t value, std::size_t size) {
    return bytes_of_number(value, size, false);
  };
  std::string palette;
  for (std::uint32_t i = 0; bits == 8 && i < 256; ++i) palette += number(i * 0x10101, 4);
  const bool masks = bits == 32 && header > 40;
  std::string info = number(header, 4) + number(width, 4) + number(height, 4) + number(1, 2) +
                     number(bits, 2) + number(masks ? 3 : 0, 4) + number(rows.size(), 4) +
                     std::string(16, '\0');
  if (masks) info += number(0xFF0000, 4) + number(0xFF00, 4) + number(0xFF, 4) + number(0xFF000000, 4);
  info.resize(header, '\0');
  const auto offset = 14 + header + palette.size();
  return "BM" + number(offset + rows.size(), 4) + number(0, 4) + number(offset, 4) + info + palette + rows;
}

/// One slice of a DICOM series.
struct DicomSlice {
  std::string series = "1.2.3";
  Vec3 position{0, 0, 0};  ///< x, y, z of the first pixel, mm
  std::string orientation = R"(1\0\0\0\1\0)";
  std::string spacing = R"(0.75\0.5)";  ///< rows (y), columns (x), mm
  std::string slope = "1", intercept = "0";
  std::uint16_t rows = 0, columns = 0;
  std::vector<std::int16_t> pixels;
  bool packed = false;  ///< run lengths (RLE Lossless)
};

/// Pixels packed as RLE Lossless (PS3.5, annex G): a plane of high bytes, then one of low bytes.
inline std::string rle_bytes(const std::vector<std::int16_t>& pixels) {
  std::array<std::string, 2> planes;
  for (const int shift : {8, 0}) {
    std::string& plane = planes[shift == 8 ? 0 : 1];
    for (std::size_t i = 0; i < pixels.size();) {
      const auto byte = static_cast<std::uint8_t>(pixels[i] >> shift);
      std::size_t run = 1;
      while (i + run < pixels.size() && run < 128 &&
             static_cast<std::uint8_t>(pixels[i + run] >> shift) == byte)
        ++run;
      plane += static_cast<char>(run == 1 ? 0 : 257 - run);  // one byte as it is, or repeated
      plane += static_cast<char>(byte);
      i += run;
    }
    if (plane.size() % 2 != 0) plane += '\0';
  }
  std::string header = bytes_of_number(2, 4, false) + bytes_of_number(64, 4, false) +
                       bytes_of_number(64 + planes[0].size(), 4, false);
  header.resize(64, '\0');
  return header + planes[0] + planes[1];
}

/// A DICOM file with explicit lengths, little endian (PS3.10).
inline std::string dicom_bytes(const DicomSlice& slice) {
  const auto element = [](std::uint64_t group, std::uint64_t number, const std::string& kind,
                          std::string value) {
    if (value.size() % 2 != 0) value += kind == "UI" ? '\0' : ' ';
    const bool wide = kind == "OW" || kind == "OB";
    return bytes_of_number(group, 2, false) + bytes_of_number(number, 2, false) + kind +
           (wide ? std::string(2, '\0') : "") + bytes_of_number(value.size(), wide ? 4 : 2, false) + value;
  };
  const auto number = [](std::uint64_t value) { return bytes_of_number(value, 2, false); };
  const std::string image_class = "1.2.840.10008.5.1.4.1.1.4";  // MR image
  const auto& at = slice.position;
  const std::string instance = slice.series + "." + std::to_string(static_cast<int>(at[2] * 1000) + 100000);
  const std::string meta =
      element(2, 1, "OB", std::string("\0\1", 2)) + element(2, 2, "UI", image_class) +
      element(2, 3, "UI", instance) +
      element(2, 0x10, "UI", slice.packed ? "1.2.840.10008.1.2.5" : "1.2.840.10008.1.2.1");
  std::string pixels;
  for (const std::int16_t value : slice.pixels) pixels += number(static_cast<std::uint16_t>(value));
  pixels = element(0x7FE0, 0x10, "OW", pixels);
  if (slice.packed) {  // items of no length of the whole: an empty table, the frame, the mark of the end
    const auto item = [&](std::uint64_t tag, const std::string& bytes) {
      return number(0xFFFE) + number(tag) + bytes_of_number(bytes.size(), 4, false) + bytes;
    };
    pixels = number(0x7FE0) + number(0x10) + "OB" + number(0) + bytes_of_number(0xFFFFFFFF, 4, false) +
             item(0xE000, "") + item(0xE000, rle_bytes(slice.pixels)) + item(0xE0DD, "");
  }
  std::string preamble(128, '\0');
  preamble.append("DICM");
  return preamble + element(2, 0, "UL", bytes_of_number(meta.size(), 4, false)) + meta +
         element(8, 0x16, "UI", image_class) + element(8, 0x18, "UI", instance) +
         element(8, 0x60, "CS", "MR") + element(0x20, 0xD, "UI", "1.2") +
         element(0x20, 0xE, "UI", slice.series) +
         element(0x20, 0x32, "DS",
                 std::to_string(at[0]) + "\\" + std::to_string(at[1]) + "\\" + std::to_string(at[2])) +
         element(0x20, 0x37, "DS", slice.orientation) + element(0x28, 2, "US", number(1)) +
         element(0x28, 4, "CS", "MONOCHROME2") + element(0x28, 0x10, "US", number(slice.rows)) +
         element(0x28, 0x11, "US", number(slice.columns)) + element(0x28, 0x30, "DS", slice.spacing) +
         element(0x28, 0x100, "US", number(16)) + element(0x28, 0x101, "US", number(16)) +
         element(0x28, 0x102, "US", number(15)) + element(0x28, 0x103, "US", number(1)) +
         element(0x28, 0x1052, "DS", slice.intercept) + element(0x28, 0x1053, "DS", slice.slope) + pixels;
}

}  // namespace seg::testing
