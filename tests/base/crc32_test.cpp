#include "base/crc32.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>
#include <vector>

namespace seg {
namespace {

/// The definition, bit by bit.
std::uint32_t plain_crc32(std::span<const std::byte> bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const auto byte : bytes) {
    crc ^= std::to_integer<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xEDB88320 : 0);
  }
  return ~crc;
}

TEST(Crc32, IsTheStandardsOfItsCheckText) {
  EXPECT_EQ(crc32_of(0, std::as_bytes(std::span(std::string_view("123456789")))), 0xCBF43926);
}

TEST(Crc32, EqualsTheDefinitionAtAnyLengthAndPlace) {
  std::vector<std::byte> bytes(3000);
  std::uint32_t state = 1;
  for (auto& byte : bytes) byte = static_cast<std::byte>((state = state * 1664525 + 1013904223) >> 24);
  for (std::size_t size = 0; size < bytes.size(); size += size < 600 ? 1 : 97) {
    const auto part = std::span(bytes).subspan(size % 7, std::min(size, bytes.size() - 7));
    ASSERT_EQ(crc32_of(0, part), plain_crc32(part)) << size;
    const std::size_t half = part.size() / 3;
    ASSERT_EQ(crc32_of(crc32_of(0, part.first(half)), part.subspan(half)), plain_crc32(part)) << size;
  }
}

}  // namespace
}  // namespace seg
