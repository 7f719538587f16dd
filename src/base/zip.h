// Zip archives: a bounds-checked reader and a writer of stored entries, of any size (zip64).
// Format: PKWARE APPNOTE.TXT.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/files.h"

namespace seg {

/// One file in an archive; `packed` points into the archive's bytes.
struct ZipEntry {
  std::string name;
  bool deflated = false;
  std::uint32_t crc = 0;
  std::uint64_t size = 0;  ///< bytes once unpacked
  bool link = false;       ///< its contents are what a symbolic link points to
  std::span<const std::byte> packed;
};

/// The entries of an archive held in memory, in the order of its directory. Throws Error where a record
/// leaves the archive, states a size that its packed bytes cannot have, or is encrypted or otherwise packed.
std::vector<ZipEntry> list_zip(std::span<const std::byte> archive);

/// An entry's bytes, checked against its size and CRC.
std::vector<std::byte> unpack(const ZipEntry& entry);

/// The bytes in place of an entry that is not deflated, checked against its CRC.
std::span<const std::byte> stored_bytes(const ZipEntry& entry);

/// One file to write: its contents are the parts one behind the other.
struct ZipContent {
  std::string name;
  std::vector<std::span<const std::byte>> parts;
};

/// Writes an archive of stored entries atomically; contents start at multiples of `alignment` bytes.
void write_zip(const fs::path& path, std::span<const ZipContent> contents, std::size_t alignment = 1);

}  // namespace seg
