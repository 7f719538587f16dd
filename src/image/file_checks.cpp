#include "image/file_checks.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>

#include "base/error.h"
#include "image/damage.h"

namespace seg {
namespace {

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
  const auto offset = std::bit_cast<float>(offset_bits);
  if (!(offset >= kNiftiHeader && offset < 1e9F))
    fail_damaged(fmt::format("its header says that voxels start at byte {}", offset));
  return static_cast<std::uint64_t>(offset) + checked_product(voxels, bits / 8);
}

using GzFile = std::unique_ptr<gzFile_s, int (*)(gzFile)>;
constexpr std::size_t kBlock = 1 << 20;

/// Opens a file that may be gzipped.
GzFile open_gz(const fs::path& path) {
  GzFile file(gzopen(path.c_str(), "rb"), gzclose_r);
  if (!file) fail("cannot open it");
  gzbuffer(file.get(), 1 << 17);
  return file;
}

void check_nifti(const fs::path& path) {
  const GzFile file = open_gz(path);
  std::vector<std::byte> block(kBlock);
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

/// Lines "key = value" or "key: value" in front of voxels.
using TextHeader = std::map<std::string, std::string>;
constexpr std::size_t kLongestHeader = 1 << 16;

std::string trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r"), last = text.find_last_not_of(" \t\r");
  return std::string(first == std::string_view::npos ? "" : text.substr(first, last - first + 1));
}

const std::string& line_of(const TextHeader& header, const std::string& key) {
  const auto found = header.find(key);
  if (found == header.end()) fail_damaged(fmt::format("its header has no line {}", key));
  return found->second;
}

/// The product of sizes such as "128 128 40", of which there must be as many as there are dimensions.
std::uint64_t product_of_sizes(const std::string& text, const std::string& dimensions) {
  std::istringstream sizes(text);
  std::int64_t size = 0, count = 0;
  std::uint64_t product = 1;
  for (; sizes >> size; ++count) {
    if (size < 1) fail_damaged(fmt::format("its header says size {} for an axis", size));
    product = checked_product(product, static_cast<std::uint64_t>(size));
  }
  if (dimensions != std::to_string(count))
    fail_damaged(fmt::format("its header says {} dimensions, but {} sizes", dimensions, count));
  return product;
}

/// The text "key = value" lines up to ElementDataFile, and where the voxels start.
std::pair<TextHeader, std::size_t> meta_header(Bytes bytes) {
  TextHeader header;
  std::string line;
  for (std::size_t i = 0; i < std::min(bytes.size(), kLongestHeader); ++i) {
    const char c = std::to_integer<char>(bytes[i]);
    if (c != '\n') {
      line += c;
      continue;
    }
    const auto equals = line.find('=');
    if (equals == std::string::npos) fail_damaged("is not a MetaImage file");
    const std::string key = trim(line.substr(0, equals));
    header[key] = trim(line.substr(equals + 1));
    if (key == "ElementDataFile") return {header, i + 1};
    line.clear();
  }
  fail_damaged("its header has no end (no line ElementDataFile)");
}

std::uint64_t meta_bytes(const TextHeader& header) {
  const std::map<std::string, std::uint64_t> kSizes{
      {"MET_CHAR", 1},      {"MET_UCHAR", 1},      {"MET_SHORT", 2}, {"MET_USHORT", 2},
      {"MET_INT", 4},       {"MET_UINT", 4},       {"MET_LONG", 4},  {"MET_ULONG", 4},
      {"MET_LONG_LONG", 8}, {"MET_ULONG_LONG", 8}, {"MET_FLOAT", 4}, {"MET_DOUBLE", 8}};
  const auto type = kSizes.find(line_of(header, "ElementType"));
  if (type == kSizes.end()) fail("number type {} is not supported", line_of(header, "ElementType"));
  std::uint64_t bytes = type->second;
  if (header.contains("ElementNumberOfChannels")) {
    const auto channels = std::strtoll(header.at("ElementNumberOfChannels").c_str(), nullptr, 10);
    if (channels < 1) fail_damaged("its header says less than one channel");
    bytes = checked_product(bytes, static_cast<std::uint64_t>(channels));
  }
  return checked_product(bytes, product_of_sizes(line_of(header, "DimSize"), line_of(header, "NDims")));
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

// ---- NRRD: lines of text up to an empty one, then voxels, perhaps gzipped -------------------------------

/// The "key: value" lines, and where the voxels start.
std::pair<TextHeader, std::size_t> nrrd_header(Bytes bytes) {
  TextHeader header;
  std::string line;
  for (std::size_t i = 0; i < std::min(bytes.size(), kLongestHeader); ++i) {
    const char c = std::to_integer<char>(bytes[i]);
    if (c != '\n') {
      line += c;
      continue;
    }
    line = trim(line);
    if (header.empty()) {
      if (!line.starts_with("NRRD000")) break;
      header["magic"] = line;
    } else if (line.empty()) {
      return {header, i + 1};
    } else if (const auto colon = line.find(": "); colon != std::string::npos && line[0] != '#') {
      header[line.substr(0, colon)] = trim(line.substr(colon + 2));
    }
    line.clear();
  }
  fail_damaged(header.empty() ? "is not a NRRD file" : "its header has no end (no empty line)");
}

std::uint64_t nrrd_bytes(const TextHeader& header) {
  const std::map<std::string_view, std::uint64_t> kSizes{
      {"signed char", 1}, {"int8", 1},          {"int8_t", 1},         {"uchar", 1},
      {"uint8", 1},       {"unsigned char", 1}, {"uint8_t", 1},        {"short", 2},
      {"short int", 2},   {"int16", 2},         {"int16_t", 2},        {"signed short", 2},
      {"ushort", 2},      {"uint16", 2},        {"unsigned short", 2}, {"uint16_t", 2},
      {"int", 4},         {"signed int", 4},    {"int32", 4},          {"int32_t", 4},
      {"uint", 4},        {"unsigned int", 4},  {"uint32", 4},         {"uint32_t", 4},
      {"long long", 8},   {"longlong", 8},      {"int64", 8},          {"int64_t", 8},
      {"ulonglong", 8},   {"uint64", 8},        {"uint64_t", 8},       {"unsigned long long", 8},
      {"float", 4},       {"double", 8}};
  const auto type = kSizes.find(line_of(header, "type"));
  if (type == kSizes.end()) fail("number type {} is not supported", line_of(header, "type"));
  return checked_product(type->second,
                         product_of_sizes(line_of(header, "sizes"), line_of(header, "dimension")));
}

void check_nrrd(const fs::path& path) {
  const MappedFile file(path);
  const auto [header, start] = nrrd_header(file.bytes());
  if (header.contains("data file") || header.contains("datafile"))
    throw Error("its voxels are in another file", "write header and voxels into one .nrrd file");
  const auto expected = nrrd_bytes(header);
  const std::string& encoding = line_of(header, "encoding");
  const bool packed = encoding == "gzip" || encoding == "gz";
  if (!packed && encoding != "raw")
    throw Error(fmt::format("encoding {} is not supported", encoding),
                "save it with the encoding gzip or raw");
  for (const char* skip : {"byte skip", "line skip"})
    if (header.contains(skip) && header.at(skip) != "0")
      fail("a {} before the voxels is not supported", skip);
  const Bytes voxels = file.bytes().subspan(start);
  const std::uint64_t got = packed ? inflated_bytes(voxels) : voxels.size();
  if (got < expected) fail_truncated(expected, got, packed ? " of voxels after unpacking" : " of voxels");
}

struct Check {
  std::string_view ending;
  void (*run)(const fs::path&);
};
constexpr std::array<Check, 10> kChecks{{{".nii.gz", check_nifti},
                                         {".nii", check_nifti},
                                         {".nrrd", check_nrrd},
                                         {".mha", check_meta},
                                         {".png", check_png},
                                         {".bmp", check_bmp},
                                         {".tif", check_tiff},
                                         {".tiff", check_tiff},
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
  if (is_dicom_file(path)) return with_context(path.string(), [&] { check_dicom(path); });
  for (const Check& check : kChecks)
    if (name.ends_with(check.ending)) return with_context(path.string(), [&] { check.run(path); });
}

std::uint64_t count_nonfinite_nifti(const fs::path& path) {
  return with_context(path.string(), [&] {
    const GzFile file = open_gz(path);
    std::vector<std::byte> block(kBlock);
    if (gzread(file.get(), block.data(), kNiftiHeader) != static_cast<int>(kNiftiHeader))
      return std::uint64_t{0};
    const bool big_endian = number_at(block, 0, 4, true) == kNiftiHeader;
    const auto type = number_at(block, 70, 2, big_endian);
    if (type != 16 && type != 64) return std::uint64_t{0};  // float and double
    const std::size_t size = type == 16 ? 4 : 8;
    const auto offset_bits = static_cast<std::uint32_t>(number_at(block, 108, 4, big_endian));
    gzseek(file.get(), static_cast<z_off_t>(std::bit_cast<float>(offset_bits)), SEEK_SET);
    const std::uint64_t exponent = type == 16 ? 0x7F800000 : 0x7FF0000000000000;  // all ones: NaN or infinity
    std::uint64_t found = 0;
    for (;;) {
      const int got = gzread(file.get(), block.data(), static_cast<unsigned>(block.size()));
      if (got <= 0) return found;
      for (std::size_t at = 0; at + size <= static_cast<std::size_t>(got); at += size)
        found += (number_at(block, at, size, big_endian) & exponent) == exponent ? 1 : 0;
    }
  });
}

bool is_dicom_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::array<char, 132> start{};
  return file.read(start.data(), start.size()) && std::memcmp(&start[128], "DICM", 4) == 0;
}

}  // namespace seg
