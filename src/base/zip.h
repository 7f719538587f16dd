// Zip archives: a bounds-checked reader and a writer of stored entries. Archives and entries of 4 GiB and
// more (zip64) are refused. Format: PKWARE APPNOTE.TXT.
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
  std::uint32_t size = 0;  ///< bytes once unpacked
  std::span<const std::byte> packed;
};

/// The entries of an archive held in memory, in the order of its directory. Throws Error where a record
/// leaves the archive, states a size that its packed bytes cannot have, or is encrypted or otherwise packed.
std::vector<ZipEntry> list_zip(std::span<const std::byte> archive);

/// An entry's bytes, checked against its size and CRC.
std::vector<std::byte> unpack(const ZipEntry& entry);

/// One file to write: its contents are the parts one behind the other.
struct ZipContent {
  std::string name;
  std::vector<std::span<const std::byte>> parts;
};

/// Writes an archive of stored entries atomically.
void write_zip(const fs::path& path, std::span<const ZipContent> contents);

}  // namespace seg
