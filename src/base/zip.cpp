#include "base/zip.h"

#include <libdeflate.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>
#include <memory>
#include <string_view>

#include "base/crc32.h"
#include "base/error.h"

namespace seg {
namespace {

constexpr std::uint32_t kLocalSignature = 0x04034b50;
constexpr std::uint32_t kCentralSignature = 0x02014b50;
constexpr std::uint32_t kEndSignature = 0x06054b50;
constexpr std::size_t kLocalSize = 30, kCentralSize = 46, kEndSize = 22;
constexpr std::size_t kMaxComment = 0xffff;
// Zip64: numbers that do not fit their field stand in an extra field, or in a second end record.
constexpr std::uint32_t kEnd64Signature = 0x06064b50, kLocatorSignature = 0x07064b50;
constexpr std::size_t kEnd64Size = 56, kLocatorSize = 20;
constexpr std::uint32_t kInZip64 = 0xffffffff;
constexpr std::uint16_t kManyInZip64 = 0xffff, kZip64Extra = 1,
                        kPaddingExtra = 0x4246;  // "FB", as PyTorch pads
constexpr std::uint16_t kEncrypted = 1;
constexpr std::uint16_t kStored = 0, kDeflated = 8;
constexpr int kUnixModeShift = 16;  // in the external attributes
constexpr std::uint32_t kUnixTypeMask = 0170000, kUnixLink = 0120000;
constexpr std::uint64_t kMaxDeflateRatio = 1032;  // a length-258 match takes at least two bits

/// Little-endian numbers and slices of an archive, none beyond its end.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::span<const std::byte> slice(std::size_t at, std::size_t size) const {
    if (at > bytes_.size() || size > bytes_.size() - at) fail("the zip archive is cut off or damaged");
    return bytes_.subspan(at, size);
  }
  std::uint16_t u16(std::size_t at) const { return static_cast<std::uint16_t>(number(at, 2)); }
  std::uint32_t u32(std::size_t at) const { return static_cast<std::uint32_t>(number(at, 4)); }
  std::uint64_t u64(std::size_t at) const { return number(at, 8); }
  std::string text(std::size_t at, std::size_t size) const {
    const auto part = slice(at, size);
    return {reinterpret_cast<const char*>(part.data()), part.size()};
  }
  std::size_t size() const { return bytes_.size(); }

 private:
  std::uint64_t number(std::size_t at, std::size_t size) const {
    const auto part = slice(at, size);
    std::uint64_t value = 0;
    for (std::size_t i = size; i-- > 0;) value = value << 8 | std::to_integer<std::uint64_t>(part[i]);
    return value;
  }

  std::span<const std::byte> bytes_;
};

/// Where the end-of-directory record starts: the last place with its signature whose comment ends the file.
std::size_t find_end(const Reader& archive) {
  if (archive.size() >= kEndSize) {
    const std::size_t last = archive.size() - kEndSize;
    for (std::size_t at = last + 1; at-- > last - std::min(last, kMaxComment);) {
      if (archive.u32(at) == kEndSignature && archive.u16(at + 20) == last - at) return at;
    }
  }
  fail("not a zip archive, or its end is cut off");
}

/// Number of entries, and where their directory starts.
struct Directory {
  std::uint64_t count = 0, at = 0;
};

Directory find_directory(const Reader& archive) {
  const std::size_t end = find_end(archive);
  Directory directory{archive.u16(end + 10), archive.u32(end + 16)};
  if (directory.count != kManyInZip64 && directory.at != kInZip64) return directory;
  if (end < kLocatorSize || archive.u32(end - kLocatorSize) != kLocatorSignature) return directory;
  const std::size_t end64 = archive.u64(end - kLocatorSize + 8);
  if (archive.u32(end64) != kEnd64Signature) fail("the zip archive's zip64 end record is damaged");
  return {archive.u64(end64 + 32), archive.u64(end64 + 48)};
}

/// The packed bytes of an entry, behind its local header at `at`.
std::span<const std::byte> packed_bytes(const Reader& archive, std::size_t at, std::size_t size) {
  if (archive.u32(at) != kLocalSignature) fail("its local header is damaged");
  return archive.slice(at + kLocalSize + archive.u16(at + 26) + archive.u16(at + 28), size);
}

struct EntrySizes {
  std::uint64_t unpacked, packed, local;  // the last: where the local header is
};

/// From the directory's record at `at`; what does not fit there stands in its zip64 field, in this order.
EntrySizes read_sizes(const Reader& archive, std::size_t at) {
  EntrySizes sizes{archive.u32(at + 24), archive.u32(at + 20), archive.u32(at + 42)};
  std::size_t extra = at + kCentralSize + archive.u16(at + 28);
  const std::size_t end = extra + archive.u16(at + 30);
  while (extra + 4 <= end && archive.u16(extra) != kZip64Extra) extra += 4 + archive.u16(extra + 2);
  const bool has_field = extra + 4 <= end;
  const std::size_t field_end = has_field ? std::min(end, extra + 4 + archive.u16(extra + 2)) : 0;
  extra += 4;
  for (auto* number : {&sizes.unpacked, &sizes.packed, &sizes.local}) {
    if (*number != kInZip64) continue;
    if (!has_field || extra + 8 > field_end) fail("its zip64 sizes are missing");
    *number = archive.u64(extra);
    extra += 8;
  }
  return sizes;
}

ZipEntry read_entry(const Reader& archive, std::size_t at) {
  ZipEntry entry;
  entry.name = archive.text(at + kCentralSize, archive.u16(at + 28));
  with_context(entry.name, [&] {
    const std::uint16_t method = archive.u16(at + 10);
    entry.crc = archive.u32(at + 16);
    entry.deflated = method == kDeflated;
    entry.link = (archive.u32(at + 38) >> kUnixModeShift & kUnixTypeMask) == kUnixLink;
    if ((archive.u16(at + 8) & kEncrypted) != 0) fail("encrypted zip entries are not supported");
    if (method != kStored && method != kDeflated) fail("zip method {} is not supported", method);
    const EntrySizes sizes = read_sizes(archive, at);
    entry.size = sizes.unpacked;
    entry.packed = packed_bytes(archive, sizes.local, sizes.packed);
    const bool possible =
        entry.deflated ? entry.size / kMaxDeflateRatio <= sizes.packed : entry.size == sizes.packed;
    if (!possible) fail("{} packed bytes cannot hold the stated {} bytes", sizes.packed, entry.size);
  });
  return entry;
}

void inflate_into(const ZipEntry& entry, std::vector<std::byte>& out) {
  const std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)> inflater(
      libdeflate_alloc_decompressor(), &libdeflate_free_decompressor);
  if (!inflater) fail("there is no memory to unpack it");
  // Without a place for the number of written bytes, fewer than asked for is an error too.
  const auto result = libdeflate_deflate_decompress(inflater.get(), entry.packed.data(), entry.packed.size(),
                                                    out.data(), out.size(), nullptr);
  if (result != LIBDEFLATE_SUCCESS)
    fail("its packed bytes are damaged or do not unpack to the stated {} bytes", out.size());
}

/// Fuzzing must get behind checksums.
void check_crc([[maybe_unused]] const ZipEntry& entry, [[maybe_unused]] std::span<const std::byte> bytes) {
#ifndef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
  if (crc32_of(0, bytes) != entry.crc) fail("its bytes do not match its checksum");
#endif
}

void append(std::string& record, std::uint64_t value, int size) {
  for (int i = 0; i < size; ++i) record += static_cast<char>(value >> (8 * i) & 0xff);
}

constexpr std::uint16_t kVersion = 20, kVersionZip64 = 45;

std::uint32_t field32(std::uint64_t value) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(value, kInZip64));
}

/// What local and central headers share, from "version needed" to the length of the name.
/// The date is the format's first day, so that equal contents give equal files.
void append_common(std::string& record, const ZipContent& content, std::uint32_t crc, std::uint64_t size) {
  constexpr std::uint16_t kNamesAreUtf8 = 1 << 11, kTime = 0, kDate = (1 << 5) | 1;
  const std::uint16_t version = size >= kInZip64 ? kVersionZip64 : kVersion;
  for (const std::uint16_t value : {version, kNamesAreUtf8, kStored, kTime, kDate}) append(record, value, 2);
  append(record, crc, 4);
  append(record, field32(size), 4);
  append(record, field32(size), 4);
  append(record, content.name.size(), 2);
}

/// The zip64 field with those numbers that do not fit theirs; empty where all do.
std::string zip64_field(std::initializer_list<std::uint64_t> numbers) {
  std::string body;
  for (const auto number : numbers) {
    if (number >= kInZip64) append(body, number, 8);
  }
  std::string field;
  if (body.empty()) return field;
  append(field, kZip64Extra, 2);
  append(field, body.size(), 2);
  return field + body;
}

/// Local header of an entry that starts at `at`, padded so that its contents start at a multiple of
/// `alignment`.
std::string local_header(const ZipContent& content, std::uint32_t crc, std::uint64_t size, std::uint64_t at,
                         std::size_t alignment) {
  std::string header;
  append(header, kLocalSignature, 4);
  append_common(header, content, crc, size);
  std::string extra = zip64_field({size, size});
  const std::uint64_t behind = at + kLocalSize + content.name.size() + extra.size();
  if (behind % alignment != 0) {
    constexpr std::size_t kFieldHead = 4;
    const std::size_t padding = alignment - (behind + kFieldHead) % alignment;
    append(extra, kPaddingExtra, 2);
    append(extra, padding, 2);
    extra.append(padding, 'Z');
  }
  append(header, extra.size(), 2);
  return header + content.name + extra;
}

std::string central_record(const ZipContent& content, std::uint32_t crc, std::uint64_t size,
                           std::uint64_t at) {
  std::string record;
  append(record, kCentralSignature, 4);
  append(record, kVersionZip64, 2);  // made by version 4.5 of the format
  append_common(record, content, crc, size);
  const std::string extra = zip64_field({size, size, at});
  append(record, extra.size(), 2);
  append(record, 0, 8);  // no comment, first disk, no attributes
  append(record, 0, 2);
  append(record, field32(at), 4);
  return record + content.name + extra;
}

/// The end of an archive whose directory of `size` bytes starts at `at`.
std::string end_records(std::uint64_t count, std::uint64_t size, std::uint64_t at) {
  std::string end;
  if (count >= kManyInZip64 || size >= kInZip64 || at >= kInZip64) {
    append(end, kEnd64Signature, 4);
    append(end, kEnd64Size - 12, 8);
    append(end, kVersionZip64, 2);
    append(end, kVersionZip64, 2);
    append(end, 0, 8);  // one disk
    for (const auto number : {count, count, size, at}) append(end, number, 8);
    append(end, kLocatorSignature, 4);
    append(end, 0, 4);
    append(end, at + size, 8);
    append(end, 1, 4);  // one disk
  }
  append(end, kEndSignature, 4);
  append(end, 0, 4);  // one disk
  for (int i = 0; i < 2; ++i) append(end, std::min<std::uint64_t>(count, kManyInZip64), 2);
  append(end, field32(size), 4);
  append(end, field32(at), 4);
  append(end, 0, 2);  // no comment
  return end;
}

}  // namespace

std::vector<ZipEntry> list_zip(std::span<const std::byte> bytes) {
  const Reader archive(bytes);
  const Directory directory = find_directory(archive);
  std::size_t at = directory.at;
  std::vector<ZipEntry> entries;
  std::uint64_t packed = 0;
  for (std::uint64_t i = 0; i < directory.count; ++i) {
    if (archive.u32(at) != kCentralSignature) fail("the zip archive's directory is damaged at entry {}", i);
    entries.push_back(read_entry(archive, at));
    at += kCentralSize + archive.u16(at + 28) + archive.u16(at + 30) + archive.u16(at + 32);
    packed += entries.back().packed.size();
    // Entries that share bytes could unpack to any size.
    if (packed > archive.size()) fail("the zip archive's entries overlap");
  }
  return entries;
}

std::vector<std::byte> unpack(const ZipEntry& entry) {
  return with_context(entry.name, [&] {
    std::vector<std::byte> bytes(entry.size);
    if (entry.deflated) {
      inflate_into(entry, bytes);
    } else {
      std::copy(entry.packed.begin(), entry.packed.end(), bytes.begin());
    }
    check_crc(entry, bytes);
    return bytes;
  });
}

std::span<const std::byte> stored_bytes(const ZipEntry& entry) {
  return with_context(entry.name, [&] {
    if (entry.deflated) fail("its bytes are packed");
    check_crc(entry, entry.packed);
    return entry.packed;
  });
}

void write_zip(const fs::path& path, std::span<const ZipContent> contents, std::size_t alignment) {
  for (const auto& content : contents) {
    if (content.name.size() > std::numeric_limits<std::uint16_t>::max())
      fail("the name of a zip entry is too long ({} bytes)", content.name.size());
  }
  write_atomically(path, [&](const fs::path& temporary) {
    std::ofstream out(temporary, std::ios::binary);
    std::string directory;
    std::uint64_t at = 0;
    for (const auto& content : contents) {
      std::uint32_t crc = 0;
      std::uint64_t size = 0;
      for (const auto& part : content.parts) {
        crc = crc32_of(crc, part);
        size += part.size();
      }
      const std::string local = local_header(content, crc, size, at, alignment);
      directory += central_record(content, crc, size, at);
      out << local;
      for (const auto& part : content.parts)
        out.write(reinterpret_cast<const char*>(part.data()), static_cast<std::streamsize>(part.size()));
      at += local.size() + size;
    }
    out << directory << end_records(contents.size(), directory.size(), at);
    out.close();
    if (!out) fail("{}", std::strerror(errno));
  });
}

}  // namespace seg
