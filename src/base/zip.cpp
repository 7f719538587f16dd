#include "base/zip.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>
#include <string_view>

#include "base/error.h"

namespace seg {
namespace {

constexpr std::uint32_t kLocalSignature = 0x04034b50;
constexpr std::uint32_t kCentralSignature = 0x02014b50;
constexpr std::uint32_t kEndSignature = 0x06054b50;
constexpr std::size_t kLocalSize = 30, kCentralSize = 46, kEndSize = 22;
constexpr std::size_t kMaxComment = 0xffff;
constexpr std::uint32_t kInZip64 = 0xffffffff;  // the real number stands in a zip64 record
constexpr std::uint16_t kEncrypted = 1;
constexpr std::uint16_t kStored = 0, kDeflated = 8;
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
  std::uint32_t u32(std::size_t at) const { return number(at, 4); }
  std::string text(std::size_t at, std::size_t size) const {
    const auto part = slice(at, size);
    return {reinterpret_cast<const char*>(part.data()), part.size()};
  }
  std::size_t size() const { return bytes_.size(); }

 private:
  std::uint32_t number(std::size_t at, std::size_t size) const {
    const auto part = slice(at, size);
    std::uint32_t value = 0;
    for (std::size_t i = size; i-- > 0;) value = value << 8 | std::to_integer<std::uint32_t>(part[i]);
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

/// The packed bytes of an entry, behind its local header at `at`.
std::span<const std::byte> packed_bytes(const Reader& archive, std::size_t at, std::size_t size) {
  if (archive.u32(at) != kLocalSignature) fail("its local header is damaged");
  return archive.slice(at + kLocalSize + archive.u16(at + 26) + archive.u16(at + 28), size);
}

ZipEntry read_entry(const Reader& archive, std::size_t at) {
  ZipEntry entry;
  entry.name = archive.text(at + kCentralSize, archive.u16(at + 28));
  with_context(entry.name, [&] {
    const std::uint16_t method = archive.u16(at + 10);
    const std::uint32_t packed_size = archive.u32(at + 20), local = archive.u32(at + 42);
    entry.size = archive.u32(at + 24);
    entry.crc = archive.u32(at + 16);
    entry.deflated = method == kDeflated;
    if ((archive.u16(at + 8) & kEncrypted) != 0) fail("encrypted zip entries are not supported");
    if (method != kStored && method != kDeflated) fail("zip method {} is not supported", method);
    if (packed_size == kInZip64 || entry.size == kInZip64 || local == kInZip64)
      fail("zip entries of 4 GiB and more (zip64) are not supported");
    entry.packed = packed_bytes(archive, local, packed_size);
    const bool possible = entry.deflated ? entry.size <= (packed_size + std::uint64_t{1}) * kMaxDeflateRatio
                                         : entry.size == packed_size;
    if (!possible) fail("{} packed bytes cannot hold the stated {} bytes", packed_size, entry.size);
  });
  return entry;
}

void inflate_into(const ZipEntry& entry, std::vector<std::byte>& out) {
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) fail("zlib cannot start");  // negative: no zlib header
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(entry.packed.data()));
  stream.avail_in = static_cast<uInt>(entry.packed.size());
  std::byte nothing{};
  stream.next_out = reinterpret_cast<Bytef*>(out.empty() ? &nothing : out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int status = inflate(&stream, Z_FINISH);
  const std::uint64_t written = stream.total_out;
  inflateEnd(&stream);
  if (status != Z_STREAM_END || written != out.size())
    fail("its packed bytes are damaged or do not unpack to the stated {} bytes", out.size());
}

std::uint32_t crc_of(std::uint32_t crc, std::span<const std::byte> bytes) {
  if (bytes.empty()) return crc;  // zlib starts anew at a null pointer
  return static_cast<std::uint32_t>(crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

void append(std::string& record, std::uint64_t value, int size) {
  for (int i = 0; i < size; ++i) record += static_cast<char>(value >> (8 * i) & 0xff);
}

/// What local and central headers share, from "version needed" to the lengths of name and extra field.
/// The date is the format's first day, so that equal contents give equal files.
void append_common(std::string& record, const ZipContent& content, std::uint32_t crc, std::uint64_t size) {
  constexpr std::uint16_t kVersion = 20, kNamesAreUtf8 = 1 << 11, kTime = 0, kDate = (1 << 5) | 1;
  for (const std::uint16_t value : {kVersion, kNamesAreUtf8, kStored, kTime, kDate}) append(record, value, 2);
  append(record, crc, 4);
  append(record, size, 4);
  append(record, size, 4);
  append(record, content.name.size(), 2);
  append(record, 0, 2);  // no extra field
}

/// Throws where a number would not fit its field.
void check_limits(std::span<const ZipContent> contents) {
  std::uint64_t total = kEndSize;
  for (const auto& content : contents) {
    if (content.name.size() > std::numeric_limits<std::uint16_t>::max())
      fail("the name of a zip entry is too long ({} bytes)", content.name.size());
    total += kLocalSize + kCentralSize + 2 * content.name.size();
    for (const auto& part : content.parts) total += part.size();
  }
  if (total >= kInZip64 || contents.size() >= std::numeric_limits<std::uint16_t>::max()) {
    fail("{} entries of {} bytes do not fit a zip archive (4 GiB, 65534 entries)", contents.size(), total);
  }
}

}  // namespace

std::vector<ZipEntry> list_zip(std::span<const std::byte> bytes) {
  const Reader archive(bytes);
  const std::size_t end = find_end(archive);
  const std::size_t count = archive.u16(end + 10);
  std::size_t at = archive.u32(end + 16);
  if (count == 0xffff || at == kInZip64) fail("zip archives of 4 GiB and more (zip64) are not supported");
  std::vector<ZipEntry> entries;
  std::size_t packed = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (archive.u32(at) != kCentralSignature) fail("the zip archive's directory is damaged at entry {}", i);
    entries.push_back(read_entry(archive, at));
    at += kCentralSize + archive.u16(at + 28) + archive.u16(at + 30) + archive.u16(at + 32);
    packed += entries.back().packed.size();
  }
  // Entries that share bytes could unpack to any size.
  if (packed > archive.size()) fail("the zip archive's entries overlap");
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
    if (crc_of(0, bytes) != entry.crc) fail("its bytes do not match its checksum");
    return bytes;
  });
}

void write_zip(const fs::path& path, std::span<const ZipContent> contents) {
  check_limits(contents);
  write_atomically(path, [&](const fs::path& temporary) {
    std::ofstream out(temporary, std::ios::binary);
    std::string directory;
    std::uint64_t at = 0;
    for (const auto& content : contents) {
      std::uint32_t crc = 0;
      std::uint64_t size = 0;
      for (const auto& part : content.parts) {
        crc = crc_of(crc, part);
        size += part.size();
      }
      std::string local;
      append(local, kLocalSignature, 4);
      append_common(local, content, crc, size);
      local += content.name;
      append(directory, kCentralSignature, 4);
      append(directory, 20, 2);  // made by version 2.0 of the format
      append_common(directory, content, crc, size);
      append(directory, 0, 6);  // no comment, first disk, no attributes
      append(directory, 0, 4);
      append(directory, at, 4);
      directory += content.name;
      out << local;
      for (const auto& part : content.parts)
        out.write(reinterpret_cast<const char*>(part.data()), static_cast<std::streamsize>(part.size()));
      at += local.size() + size;
    }
    std::string end;
    append(end, kEndSignature, 4);
    append(end, 0, 4);  // one disk
    append(end, contents.size(), 2);
    append(end, contents.size(), 2);
    append(end, directory.size(), 4);
    append(end, at, 4);
    append(end, 0, 2);  // no comment
    out << directory << end;
    out.close();
    if (!out) fail("{}", std::strerror(errno));
  });
}

}  // namespace seg
