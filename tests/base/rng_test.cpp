#include "base/rng.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace seg {
namespace {

constexpr int kDraws = 100000;

// From a separate implementation in Python, checked against the published xoshiro256++ vector.
constexpr std::array<std::uint64_t, 3> kSeed42{0xc362429723a6accf, 0x16695d1b8180afd0, 0x652caac486d12c6b};
constexpr std::array<std::uint64_t, 3> kSeed42Stream1{0x9d0dce397c7c6059, 0xa7d7e18a0b5a8ded,
                                                      0x7046777b11d1b83e};

// The first numbers of the authors' reference program for seed 1234567.
TEST(SplitMix, GivesThePublishedNumbers) {
  std::uint64_t state = 1234567;
  EXPECT_EQ(split_mix(state), 6457827717110365317u);
  EXPECT_EQ(split_mix(state), 3203168211198807973u);
  EXPECT_EQ(split_mix(state), 9817491932198370423u);
}

// A change here changes every training run and every phantom.
TEST(Rng, NumbersOfASeedNeverChange) {
  Rng rng(42), other(42, 1);
  for (const auto expected : kSeed42) EXPECT_EQ(rng.next(), expected);
  for (const auto expected : kSeed42Stream1) EXPECT_EQ(other.next(), expected);
}

TEST(Rng, UniformStaysInRangeAndIsLevel) {
  Rng rng(1);
  std::array<int, 10> bins{};
  for (int i = 0; i < kDraws; ++i) {
    const double value = rng.uniform(-2, 3);
    ASSERT_GE(value, -2);
    ASSERT_LT(value, 3);
    ++bins[static_cast<std::size_t>((value + 2) * 2)];
  }
  // Five standard deviations of a bin's count: sqrt(1e5 * 0.1 * 0.9) = 95.
  for (const int count : bins) EXPECT_NEAR(count, kDraws / 10, 5 * 95);
}

TEST(Rng, BelowReachesEveryNumberAndNoOther) {
  Rng rng(2);
  std::array<int, 7> seen{};
  for (int i = 0; i < kDraws; ++i) {
    const auto value = rng.below(7);
    ASSERT_GE(value, 0);
    ASSERT_LT(value, 7);
    ++seen[static_cast<std::size_t>(value)];
  }
  for (const int count : seen) EXPECT_NEAR(count, kDraws / 7, 5 * 111);  // sqrt(1e5 * 6 / 49) = 111
  for (int i = 0; i < 10; ++i) EXPECT_EQ(rng.below(1), 0);
}

TEST(Rng, NormalHasTheRightMoments) {
  Rng rng(3);
  double sum = 0, squares = 0, fourth = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double value = rng.normal();
    ASSERT_TRUE(std::isfinite(value));
    sum += value;
    squares += value * value;
    fourth += value * value * value * value;
  }
  // Standard errors at 1e5 draws: 0.0032, 0.0045 and 0.031; five of each.
  EXPECT_NEAR(sum / kDraws, 0, 0.016);
  EXPECT_NEAR(squares / kDraws, 1, 0.023);
  EXPECT_NEAR(fourth / kDraws, 3, 0.16);
}

TEST(Rng, ChanceOfNoneAndAll) {
  Rng rng(4);
  int hits = 0;
  for (int i = 0; i < kDraws; ++i) {
    EXPECT_FALSE(rng.chance(0));
    EXPECT_TRUE(rng.chance(1));
    hits += rng.chance(0.15) ? 1 : 0;
  }
  EXPECT_NEAR(hits, 0.15 * kDraws, 5 * 113);  // sqrt(1e5 * 0.15 * 0.85) = 113
}

}  // namespace
}  // namespace seg
