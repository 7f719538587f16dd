#include "base/numpy_random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "base/error.h"

namespace seg {
namespace {

// The folds and class locations of the goldens pin long sequences (tests/data); these are the parts.

TEST(NumpyRandom, FollowsMersenneTwister) {
  NumpyRandom random(5489);  // the reference seed: its 10000th draw is part of the C++ standard
  std::uint32_t last = 0;
  for (int i = 0; i < 10000; ++i) last = random.up_to(~std::uint32_t{0});
  EXPECT_EQ(last, 4123659995u);
}

TEST(NumpyRandom, BoundedDrawsAreMaskedAndRejected) {
  NumpyRandom random(7), raw(7);
  for (int i = 0; i < 2000; ++i) {
    std::uint32_t expected = 0;
    do {
      expected = raw.up_to(~std::uint32_t{0}) & 15u;
    } while (expected > 9);
    ASSERT_EQ(random.up_to(9), expected);
  }
}

TEST(NumpyRandom, ZeroNeedsNoDraw) {
  NumpyRandom random(3), other(3);
  EXPECT_EQ(random.up_to(0), 0u);
  EXPECT_EQ(random.up_to(1000), other.up_to(1000));
}

TEST(NumpyRandom, PermutationHoldsEveryNumberOnce) {
  for (const std::uint32_t count : {0u, 1u, 2u, 1000u}) {
    auto order = NumpyRandom(1).permutation(count);
    std::sort(order.begin(), order.end());
    std::vector<std::uint32_t> all(count);
    std::iota(all.begin(), all.end(), 0u);
    EXPECT_EQ(order, all);
  }
}

TEST(NumpyRandom, ChoiceIsTheStartOfAPermutation) {
  const auto order = NumpyRandom(11).permutation(50);
  const auto chosen = NumpyRandom(11).choice(50, 8);
  EXPECT_TRUE(std::equal(chosen.begin(), chosen.end(), order.begin()));
  EXPECT_EQ(chosen.size(), 8u);
  EXPECT_THROW(NumpyRandom(11).choice(5, 6), Error);
}

}  // namespace
}  // namespace seg
