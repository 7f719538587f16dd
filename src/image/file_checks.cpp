#include "image/file_checks.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <sstream>

#include "base/error.h"

namespace seg {
namespace {

using Bytes = std::span<const std::byte>;
constexpr std::string_view kCopyAgain = "the file is damaged or incomplete: copy or export it again";

[[noreturn]] void fail_truncated(std::uint64_t expected, std::uint64_t got, std::string_view what) {
  throw Error(fmt::format("truncated: expected {} bytes{}, got {}", expected, what, got),
              std::string(kCopyAgain));
}

[[noreturn]] void fail_damaged(const std::string& reason) {
  throw Error(reason, std::string(kCopyAgain));
}

/// An unsigned number of `size` bytes at `offset`; Error beyond the end.
std::uint64_t number_at(Bytes bytes, std::size_t offset, std::size_t size, bool big_endian) {
  if (offset > bytes.size() || bytes.size() - offset < size) fail_truncated(offset + size, bytes.size(), "");
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t at = offset + (big_endian ? i : size - 1 - i);
    value = value << 8 | std::to_integer<std::uint64_t>(bytes[at]);
  }
  return value;
}

/// a * b, or an Error where header sizes are too large to be true.
std::uint64_t checked_product(std::uint64_t a, std::uint64_t b) {
  if (a != 0 && b > std::numeric_limits<std::int64_t>::max() / a)
    fail_damaged("the sizes in its header are impossibly large");
  return a * b;
}

// ---- NIfTI: a header of 348 bytes, then voxels, all of it perhaps gzipped -------------------------------

constexpr std::size_t kNiftiHeader = 348;

/// Bytes of header and voxels together, from a NIfTI-1 header.
std::uint64_t nifti_bytes(Bytes header) {
  const bool big_endian = number_at(header, 0, 4, true) == kNiftiHeader;
  const auto first = number_at(header, 0, 4, big_endian);
  if (first == 540) throw Error("is NIfTI-2, which is not supported", "convert it to NIfTI-1");
  if (first != kNiftiHeader) fail_damaged("is not a NIfTI file");
  const auto axes = number_at(header, 40, 2, big_endian);
  if (axes < 1 || axes > 7) fail_damaged(fmt::format("its header says {} dimensions", axes));
  std::uint64_t voxels = 1;
  for (std::size_t i = 1; i <= axes; ++i) {
    const auto size = static_cast<std::int16_t>(number_at(header, 40 + 2 * i, 2, big_endian));
    if (size < 1) fail_damaged(fmt::format("its header says size {} for axis {}", size, i));
    voxels = checked_product(voxels, static_cast<std::uint64_t>(size));
  }
  // Number types of the standard and their bits: integers, floats, RGB(A).
  const std::map<std::uint64_t, std::uint64_t> kTypes{{2, 8},    {4, 16},    {8, 32},    {16, 32},
                                                      {64, 64},  {128, 24},  {256, 8},   {512, 16},
                                                      {768, 32}, {1024, 64}, {1280, 64}, {2304, 32}};
  const auto type = number_at(header, 70, 2, big_endian), bits = number_at(header, 72, 2, big_endian);
  if (!kTypes.contains(type) || kTypes.at(type) != bits)
    fail_damaged(
        fmt::format("its header says number type {} of {} bits, which is not supported", type, bits));
  const auto offset_bits = static_cast<std::uint32_t>(number_at(header, 108, 4, big_endian));
  float offset = 0;
  std::memcpy(&offset, &offset_bits, sizeof offset);
  if (!(offset >= kNiftiHeader && offset < 1e9F))
    fail_damaged(fmt::format("its header says that voxels start at byte {}", offset));
  return static_cast<std::uint64_t>(offset) + checked_product(voxels, bits / 8);
}

void check_nifti(const fs::path& path) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose_r);
  if (!file) fail("cannot open it");
  gzbuffer(file.get(), 1 << 17);
  std::vector<std::byte> block(1 << 20);
  std::uint64_t expected = 0, got = 0;
  for (;;) {
    const int count = gzread(file.get(), block.data(), static_cast<unsigned>(block.size()));
    if (count <= 0) break;
    if (got == 0) {
      if (static_cast<std::size_t>(count) < kNiftiHeader)
        fail_truncated(kNiftiHeader, static_cast<std::uint64_t>(count), " of header");
      expected = nifti_bytes(Bytes(block).first(kNiftiHeader));
    }
    got += static_cast<std::uint64_t>(count);
  }
  int code = Z_OK;
  std::string reason = gzerror(file.get(), &code);  // "path: reason"
  reason.erase(0, reason.rfind(": ") + 2);
  const std::string_view unpacked = gzdirect(file.get()) != 0 ? "" : " after unpacking";
  if (got < expected || (got == 0 && code == Z_OK)) {
    fail_truncated(std::max<std::uint64_t>(expected, kNiftiHeader), got, unpacked);
  }
  if (code != Z_OK && code != Z_STREAM_END) fail_damaged("cannot unpack it: " + reason);
}

// ---- MetaImage: lines of text, then voxels, perhaps as one zlib stream ----------------------------------

using MetaHeader = std::map<std::string, std::string>;

/// The text "key = value" lines up to ElementDataFile, and where the voxels start.
std::pair<MetaHeader, std::size_t> meta_header(Bytes bytes) {
  constexpr std::size_t kLongestHeader = 1 << 16;
  MetaHeader header;
  std::string line;
  for (std::size_t i = 0; i < std::min(bytes.size(), kLongestHeader); ++i) {
    const char c = std::to_integer<char>(bytes[i]);
    if (c != '\n') {
      line += c;
      continue;
    }
    const auto equals = line.find('=');
    if (equals == std::string::npos) fail_damaged("is not a MetaImage file");
    const auto trim = [](const std::string& text) {
      const auto first = text.find_first_not_of(" \t\r"), last = text.find_last_not_of(" \t\r");
      return first == std::string::npos ? std::string() : text.substr(first, last - first + 1);
    };
    const std::string key = trim(line.substr(0, equals));
    header[key] = trim(line.substr(equals + 1));
    if (key == "ElementDataFile") return {header, i + 1};
    line.clear();
  }
  fail_damaged("its header has no end (no line ElementDataFile)");
}

std::uint64_t meta_bytes(const MetaHeader& header) {
  const std::map<std::string, std::uint64_t> kSizes{
      {"MET_CHAR", 1},      {"MET_UCHAR", 1},      {"MET_SHORT", 2}, {"MET_USHORT", 2},
      {"MET_INT", 4},       {"MET_UINT", 4},       {"MET_LONG", 4},  {"MET_ULONG", 4},
      {"MET_LONG_LONG", 8}, {"MET_ULONG_LONG", 8}, {"MET_FLOAT", 4}, {"MET_DOUBLE", 8}};
  const auto value = [&](const std::string& key) {
    const auto found = header.find(key);
    if (found == header.end()) fail_damaged(fmt::format("its header has no line {}", key));
    return found->second;
  };
  const auto type = kSizes.find(value("ElementType"));
  if (type == kSizes.end()) fail("number type {} is not supported", value("ElementType"));
  std::uint64_t bytes = type->second;
  if (header.contains("ElementNumberOfChannels")) {
    const auto channels = std::strtoll(header.at("ElementNumberOfChannels").c_str(), nullptr, 10);
    if (channels < 1) fail_damaged("its header says less than one channel");
    bytes = checked_product(bytes, static_cast<std::uint64_t>(channels));
  }
  const auto axes = value("NDims");
  std::istringstream sizes(value("DimSize"));
  std::int64_t size = 0, count = 0;
  for (; sizes >> size; ++count) {
    if (size < 1) fail_damaged(fmt::format("its header says size {} for an axis", size));
    bytes = checked_product(bytes, static_cast<std::uint64_t>(size));
  }
  if (axes != std::to_string(count))
    fail_damaged(fmt::format("its header says {} dimensions, but {} sizes", axes, count));
  return bytes;
}

/// Unpacks a zlib or gzip stream and counts its bytes; Error where it does not end.
std::uint64_t inflated_bytes(Bytes packed) {
  z_stream stream{};
  if (inflateInit2(&stream, 32 + MAX_WBITS) != Z_OK) fail("cannot start unpacking it");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> closes(&stream, inflateEnd);
  std::vector<Bytef> block(1 << 20);
  std::uint64_t count = 0;
  int state = Z_OK;
  while (state == Z_OK) {
    if (stream.avail_in == 0) {  // zlib counts in 32 bits
      const auto part = std::min<std::size_t>(packed.size(), 1 << 30);
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data()));
      stream.avail_in = static_cast<unsigned>(part);
      packed = packed.subspan(part);
    }
    stream.next_out = block.data();
    stream.avail_out = static_cast<unsigned>(block.size());
    state = inflate(&stream, Z_NO_FLUSH);
    count += block.size() - stream.avail_out;
  }
  if (state == Z_BUF_ERROR)
    fail_damaged(fmt::format("truncated: the packed voxels end after {} bytes", count));
  if (state != Z_STREAM_END) fail_damaged("cannot unpack its voxels");
  return count;
}

void check_meta(const fs::path& path) {
  const MappedFile file(path);
  const auto [header, start] = meta_header(file.bytes());
  const auto is = [&header = header](const char* key, const char* value) {
    return header.contains(key) && header.at(key) == value;
  };
  if (!is("ElementDataFile", "LOCAL"))
    throw Error("its voxels are in another file", "write header and voxels into one .mha file");
  if (is("BinaryData", "False")) throw Error("its voxels are text", "write them as binary data");
  const auto expected = meta_bytes(header);
  const Bytes voxels = file.bytes().subspan(start);
  const bool packed = is("CompressedData", "True");
  const std::uint64_t got = packed ? inflated_bytes(voxels) : voxels.size();
  if (got < expected) fail_truncated(expected, got, packed ? " of voxels after unpacking" : " of voxels");
}

// ---- Pictures -------------------------------------------------------------------------------------------

/// Walks the chunks (length, name, data, checksum) from the signature to IEND.
void check_png(const fs::path& path) {
  constexpr std::array<unsigned char, 8> kSignature{0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  const MappedFile file(path);
  const Bytes bytes = file.bytes();
  if (bytes.size() < kSignature.size() ||
      std::memcmp(bytes.data(), kSignature.data(), kSignature.size()) != 0)
    fail_damaged("is not a PNG file");
  for (std::size_t at = kSignature.size();;) {
    const auto length = number_at(bytes, at, 4, true);
    const auto end = at + 12 + length;
    if (end > bytes.size()) fail_truncated(end, bytes.size(), " or more");
    const Bytes chunk = bytes.subspan(at + 4, 4 + length);  // name and data
    const std::string_view name(reinterpret_cast<const char*>(chunk.data()), 4);
    const auto checksum =
        crc32_z(0, reinterpret_cast<const Bytef*>(chunk.data()), static_cast<z_size_t>(chunk.size()));
    if (checksum != number_at(bytes, end - 4, 4, true))
      fail_damaged(fmt::format("wrong checksum of the PNG chunk at byte {}", at));
    if ((name == "IHDR") != (at == kSignature.size()) || (name == "IHDR" && length != 13))
      fail_damaged("is not a valid PNG file (IHDR)");
    if (name == "IEND") return;
    at = end;
  }
}

void check_bmp(const fs::path& path) {
  const MappedFile file(path);
  const Bytes bytes = file.bytes();
  if (number_at(bytes, 0, 2, true) != 0x424D) fail_damaged("is not a BMP file");
  const auto offset = number_at(bytes, 10, 4, false);
  const auto header = number_at(bytes, 14, 4, false);
  const auto width = static_cast<std::int32_t>(number_at(bytes, 18, 4, false));
  const auto height = static_cast<std::int32_t>(number_at(bytes, 22, 4, false));
  const auto depth = number_at(bytes, 28, 2, false);
  const auto packing = number_at(bytes, 30, 4, false);
  if (header != 40 || packing != 0 || (depth != 8 && depth != 24 && depth != 32))
    throw Error("is a kind of BMP that is not supported", "save it as PNG");
  if (width < 1 || height == 0 || height == std::numeric_limits<std::int32_t>::min())
    fail_damaged(fmt::format("its header says a size of {} x {}", height, width));
  const auto row = (static_cast<std::uint64_t>(width) * depth / 8 + 3) / 4 * 4;
  const auto expected = offset + row * static_cast<std::uint64_t>(std::abs(height));
  if (bytes.size() < expected) fail_truncated(expected, bytes.size(), "");
}

/// The picture data follows the last start-of-scan mark and is closed by an end mark.
void check_jpeg(const fs::path& path) {
  const MappedFile file(path);
  const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  if (!text.starts_with("\xFF\xD8")) fail_damaged("is not a JPEG file");
  const auto scan = text.rfind("\xFF\xDA"), end = text.rfind("\xFF\xD9");
  if (scan == std::string_view::npos || end == std::string_view::npos || end < scan)
    fail_damaged(fmt::format("truncated: the picture does not end within its {} bytes", text.size()));
}

struct Check {
  std::string_view ending;
  void (*run)(const fs::path&);
};
constexpr std::array<Check, 7> kChecks{{{".nii.gz", check_nifti},
                                        {".nii", check_nifti},
                                        {".mha", check_meta},
                                        {".png", check_png},
                                        {".bmp", check_bmp},
                                        {".jpg", check_jpeg},
                                        {".jpeg", check_jpeg}}};

}  // namespace

void check_image_file(const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (error) fail("cannot read {}: {}", path.string(), error.message());
  if (size == 0) throw Error(fmt::format("{} is empty (0 bytes)", path.string()), std::string(kCopyAgain));
  std::string name = path.filename().string();
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  for (const Check& check : kChecks)
    if (name.ends_with(check.ending)) return with_context(path.string(), [&] { check.run(path); });
}

}  // namespace seg
