#include "base/numpy_random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "base/error.h"

namespace seg {
namespace {

// The folds and class locations of the goldens pin long sequences (tests/data); these are the parts.

TEST(NumpyRandom, FollowsMersenneTwister) {
  for (const std::uint32_t seed : {0u, 1234u, 5489u, 4294967295u}) {
    NumpyRandom random(seed);
    std::mt19937 expected(seed);
    for (int i = 0; i < 5000; ++i) ASSERT_EQ(random.next(), expected());
  }
}

TEST(NumpyRandom, BoundedDrawsAreMaskedAndRejected) {
  NumpyRandom random(7), raw(7);
  for (int i = 0; i < 2000; ++i) {
    std::uint32_t expected = 0;
    do {
      expected = raw.next() & 15u;
    } while (expected > 9);
    ASSERT_EQ(random.up_to(9), expected);
  }
}

TEST(NumpyRandom, ZeroNeedsNoDraw) {
  NumpyRandom random(3), other(3);
  EXPECT_EQ(random.up_to(0), 0u);
  EXPECT_EQ(random.up_to(1000), other.up_to(1000));
}

TEST(NumpyRandom, RepeatedDrawsAreSingleDraws) {
  NumpyRandom repeated(5), single(5);
  for (const std::uint32_t max : {0u, 1u, 9u, 255u, 256u, 1000000u}) {
    for (const std::size_t count : {0u, 1u, 623u, 3000u}) {
      std::size_t calls = 0;
      repeated.repeat_up_to(max, count, [&](std::uint32_t value) {
        ASSERT_EQ(value, single.up_to(max));
        ++calls;
      });
      EXPECT_EQ(calls, count);
    }
  }
  EXPECT_EQ(repeated.next(), single.next());  // both stand at the same place of the stream
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
