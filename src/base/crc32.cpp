#include "base/crc32.h"

#include <libdeflate.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#include <array>

namespace seg {
namespace {

#ifdef __x86_64__

// Debian 12's libdeflate multiplies 16 bytes at a time, which takes longer than copying a file out of the
// page cache. With AVX-512 it is 256: a remainder of 256 bytes takes its next ones in by carry-less products
// with powers of x modulo the checksum's polynomial, bits reflected. Source: Gopal et al., "Fast CRC
// Computation for Generic Polynomials Using PCLMULQDQ Instruction", Intel 2009.
constexpr std::size_t kLane = 64, kBlock = 4 * kLane;  // bytes
constexpr std::uint32_t kPolynomial = 0xEDB88320;      // reflected

/// x^n modulo the polynomial, reflected, for the product of two reflected factors.
constexpr long long power_of_x(int n) {
  std::uint32_t remainder = 0x80000000;  // 1
  for (int i = 0; i < n; ++i) remainder = remainder >> 1 ^ ((remainder & 1) != 0 ? kPolynomial : 0);
  return static_cast<long long>(remainder) << 1;
}

/// The factors that move the low and the high half of 128 bits by so many bytes.
template <std::size_t kBytes>
__attribute__((target("avx512f"))) __m512i factors() {
  constexpr int kBits = 8 * static_cast<int>(kBytes);
  constexpr long long kLow = power_of_x(kBits + 32), kHigh = power_of_x(kBits - 32);
  return _mm512_set_epi64(kHigh, kLow, kHigh, kLow, kHigh, kLow, kHigh, kLow);
}

__attribute__((target("avx512f,vpclmulqdq"))) inline __m512i fold(__m512i remainder, __m512i by,
                                                                  __m512i next) {
  const __m512i low = _mm512_clmulepi64_epi128(remainder, by, 0x00);
  const __m512i high = _mm512_clmulepi64_epi128(remainder, by, 0x11);
  return _mm512_ternarylogic_epi64(low, high, next, 0x96);  // the three's exclusive or
}

/// `size` is at least kBlock.
__attribute__((target("avx512f,vpclmulqdq"))) std::uint32_t wide_crc32(std::uint32_t crc, const std::byte* at,
                                                                       std::size_t size) {
  constexpr std::size_t kLanes = kBlock / kLane;
  __m512i lanes[kLanes];
  for (std::size_t i = 0; i < kLanes; ++i) lanes[i] = _mm512_loadu_si512(at + i * kLane);
  const auto start = static_cast<int>(~crc);
  lanes[0] = _mm512_xor_si512(lanes[0], _mm512_zextsi128_si512(_mm_cvtsi32_si128(start)));
  const __m512i by_block = factors<kBlock>(), by_lane = factors<kLane>();
  for (at += kBlock, size -= kBlock; size >= kBlock; at += kBlock, size -= kBlock) {
    for (std::size_t i = 0; i < kLanes; ++i)
      lanes[i] = fold(lanes[i], by_block, _mm512_loadu_si512(at + i * kLane));
  }
  __m512i remainder = lanes[0];
  for (std::size_t i = 1; i < kLanes; ++i) remainder = fold(remainder, by_lane, lanes[i]);
  std::array<std::byte, kLane> bytes;
  _mm512_storeu_si512(bytes.data(), remainder);
  // It stands for all bytes so far, without the initial inversion, which ~0 undoes.
  crc = libdeflate_crc32(~std::uint32_t{0}, bytes.data(), bytes.size());
  return size == 0 ? crc : libdeflate_crc32(crc, at, size);
}

#endif

}  // namespace

std::uint32_t crc32_of(std::uint32_t crc, std::span<const std::byte> bytes) {
  if (bytes.empty()) return crc;  // libdeflate starts anew at a null pointer
#ifdef __x86_64__
  static const bool wide =
      __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("vpclmulqdq") != 0;
  if (wide && bytes.size() >= kBlock) return wide_crc32(crc, bytes.data(), bytes.size());
#endif
  return libdeflate_crc32(crc, bytes.data(), bytes.size());
}

}  // namespace seg
