#include "base/numpy_random.h"

#include <numeric>

#include "base/error.h"

namespace seg {
namespace {

constexpr std::size_t kShift = 397;  // MT19937's m

std::uint32_t twist(std::uint32_t high, std::uint32_t low, std::uint32_t far) {
  const std::uint32_t mixed = (high & 0x80000000u) | (low & 0x7fffffffu);
  return far ^ (mixed >> 1) ^ ((mixed & 1u) * 0x9908b0dfu);
}

std::uint32_t temper(std::uint32_t x) {
  x ^= x >> 11;
  x ^= (x << 7) & 0x9d2c5680u;
  x ^= (x << 15) & 0xefc60000u;
  return x ^ (x >> 18);
}

}  // namespace

NumpyRandom::NumpyRandom(std::uint32_t seed) {
  for (std::uint32_t i = 0; i < kBlock; ++i) {
    state_[i] = seed;
    seed = 1812433253u * (seed ^ (seed >> 30)) + i + 1;
  }
}

void NumpyRandom::refill() {
  std::size_t i = 0;
  for (; i < kBlock - kShift; ++i) state_[i] = twist(state_[i], state_[i + 1], state_[i + kShift]);
  for (; i < kBlock - 1; ++i) state_[i] = twist(state_[i], state_[i + 1], state_[i + kShift - kBlock]);
  state_[i] = twist(state_[i], state_[0], state_[kShift - 1]);
  for (i = 0; i < kBlock; ++i) block_[i] = temper(state_[i]);
  used_ = 0;
}

std::vector<std::uint32_t> NumpyRandom::permutation(std::uint32_t count) {
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0u);
  shuffle(std::span(order));
  return order;
}

std::vector<std::uint32_t> NumpyRandom::choice(std::uint32_t count, std::uint32_t size) {
  if (size > count) fail("cannot choose {} of {} without replacement", size, count);
  auto chosen = permutation(count);
  chosen.resize(size);
  return chosen;
}

}  // namespace seg
