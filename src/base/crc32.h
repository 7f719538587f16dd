// The checksum of zip and gzip (ISO 3309).
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace seg {

/// The checksum of what `crc` is the checksum of (0 for nothing) and `bytes` behind it.
std::uint32_t crc32_of(std::uint32_t crc, std::span<const std::byte> bytes);

}  // namespace seg
