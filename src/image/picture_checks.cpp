// Checks of pictures: PNG, BMP, JPEG and TIFF.
#include <zlib.h>

#include <array>
#include <cmath>
#include <cstring>
#include <map>

#include "image/damage.h"
#include "image/file_checks.h"

namespace seg {
namespace {

// ---- TIFF: a chain of directories of tagged numbers, each telling where the strips or tiles of a page lie
// -----

constexpr std::uint64_t kMostPages = 1 << 16;

/// Reads the numbers of one file, classic (32-bit offsets) or BigTIFF (64-bit offsets).
class TiffReader {
 public:
  explicit TiffReader(Bytes bytes) : bytes_(bytes) {
    const auto order = number_at(bytes, 0, 2, true);
    if (order != 0x4949 && order != 0x4D4D) fail_damaged("is not a TIFF file");
    big_endian_ = order == 0x4D4D;
    const auto version = number(2, 2);
    if (version != 42 && version != 43) fail_damaged("is not a TIFF file");
    word_ = version == 42 ? 4 : 8;
  }

  /// Walks all pages; Error where one leaves the file.
  void check() const {
    std::uint64_t at = number(word_ == 4 ? 4 : 8, word_);
    if (at == 0) fail_damaged("has no page");
    for (std::uint64_t page = 0; at != 0; ++page) {
      if (page == kMostPages) fail_damaged("its pages do not end");
      at = check_page(at);
    }
  }

 private:
  struct Entry {
    std::uint64_t type = 0, count = 0, at = 0;  ///< `at`: where the values lie
  };
  using Page = std::map<std::uint64_t, Entry>;
  enum Tag : std::uint64_t {
    width = 256,
    height = 257,
    bits = 258,
    packing = 259,
    strip_offsets = 273,
    samples = 277,
    strip_sizes = 279,
    tile_offsets = 324,
    tile_sizes = 325
  };

  std::uint64_t number(std::uint64_t at, std::size_t size) const {
    return number_at(bytes_, at, size, big_endian_);
  }
  static std::size_t size_of(std::uint64_t type) {
    constexpr std::array<std::size_t, 19> kSizes{0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8};
    return type < kSizes.size() ? kSizes[type] : 0;
  }

  /// The value of a tag, or of its first entry; `fallback` where it is absent.
  std::uint64_t value(const Page& page, Tag tag, std::uint64_t fallback) const {
    const auto found = page.find(tag);
    return found == page.end() ? fallback : element(found->second, 0);
  }
  std::uint64_t element(const Entry& entry, std::uint64_t i) const {
    if (entry.type != 3 && entry.type != 4 && entry.type != 16) fail_damaged("a tag has an unexpected type");
    return number(entry.at + i * size_of(entry.type), size_of(entry.type));
  }

  Page read_page(std::uint64_t at, std::uint64_t& next) const {
    const std::size_t count_size = word_ == 4 ? 2 : 8, entry_size = word_ == 4 ? 12 : 20;
    const std::uint64_t count = number(at, count_size);
    if (count > bytes_.size() / entry_size) fail_damaged(fmt::format("a page claims {} tags", count));
    Page page;
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t tag_at = at + count_size + i * entry_size;
      Entry entry{number(tag_at + 2, 2), number(tag_at + 4, word_), tag_at + 4 + word_};
      const auto size = checked_product(size_of(entry.type), entry.count);
      if (size > word_) entry.at = number(entry.at, word_);
      if (entry.at > bytes_.size() || size > bytes_.size() - entry.at)
        fail_truncated(checked_sum(entry.at, size), bytes_.size(), "");
      page[number(tag_at, 2)] = entry;
    }
    next = number(at + count_size + count * entry_size, word_);
    return page;
  }

  /// Checks one page and returns where the next one is.
  std::uint64_t check_page(std::uint64_t at) const {
    std::uint64_t next = 0;
    const Page page = read_page(at, next);
    const bool tiled = page.contains(tile_offsets);
    const auto offsets = page.find(tiled ? tile_offsets : strip_offsets);
    const auto sizes = page.find(tiled ? tile_sizes : strip_sizes);
    if (offsets == page.end() || sizes == page.end() || offsets->second.count != sizes->second.count)
      fail_damaged("a page does not say where its pixels are");
    std::uint64_t stored = 0;
    for (std::uint64_t i = 0; i < offsets->second.count; ++i) {
      const auto end = checked_sum(element(offsets->second, i), element(sizes->second, i));
      if (end > bytes_.size()) fail_truncated(end, bytes_.size(), "");
      stored += element(sizes->second, i);
    }
    const auto row_bits = checked_product(value(page, width, 0),
                                          checked_product(value(page, bits, 1), value(page, samples, 1)));
    const auto expected = checked_product((row_bits + 7) / 8, value(page, height, 0));
    if (expected == 0) fail_damaged("a page has no pixels");
    const bool plain = value(page, packing, 1) == 1;
    if (plain && stored < expected) fail_truncated(expected, stored, " of pixels");
    return next;
  }

  Bytes bytes_;
  bool big_endian_ = false;
  std::size_t word_ = 4;
};

}  // namespace

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

namespace {

constexpr std::uint64_t kBmpFileHeader = 14, kFirstBmpHeader = 40;

/// The order of colours that the first header means, said by the masks of a later one.
bool has_usual_masks(Bytes bytes) {
  return number_at(bytes, 54, 4, false) == 0xFF0000 && number_at(bytes, 58, 4, false) == 0xFF00 &&
         number_at(bytes, 62, 4, false) == 0xFF;
}

}  // namespace

std::optional<std::string> with_first_bmp_header(const fs::path& path) {
  const MappedFile file(path);
  std::string bytes(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  const auto header = number_at(file.bytes(), 14, 4, false);
  if (header == kFirstBmpHeader) return std::nullopt;
  const auto write = [&](std::size_t at, std::uint64_t value) {
    for (std::size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<char>(value >> (8 * i));
  };
  write(10, number_at(file.bytes(), 10, 4, false) - (header - kFirstBmpHeader));  // where the pixels begin
  write(14, kFirstBmpHeader);
  write(30, 0);  // not packed
  bytes.erase(kBmpFileHeader + kFirstBmpHeader, header - kFirstBmpHeader);
  write(2, bytes.size());
  return bytes;
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
  const bool later = header == 108 || header == 124, masks = packing == 3 && later && depth == 32;
  if ((header != kFirstBmpHeader && !later) || (packing != 0 && !(masks && has_usual_masks(bytes))) ||
      (depth != 8 && depth != 24 && depth != 32))
    throw Error("is a kind of BMP that is not supported", "save it as PNG");
  if (offset < kBmpFileHeader + header) fail_damaged("its pixels begin within its header");
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

void check_tiff(const fs::path& path) {
  const MappedFile file(path);
  TiffReader(file.bytes()).check();
}

}  // namespace seg
