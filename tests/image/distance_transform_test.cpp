#include "image/distance_transform.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/rng.h"
#include "base/threads.h"
#include "support/errors.h"

namespace seg {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The definition: the nearest of all seeds.
std::vector<double> nearest_seeds(const std::vector<std::uint8_t>& seeds, const Shape3& size,
                                  const Vec3& spacing) {
  const auto place = [&](std::size_t index) {
    const auto i = static_cast<std::int64_t>(index);
    return Vec3{static_cast<double>(i / (size[1] * size[2])) * spacing[0],
                static_cast<double>(i / size[2] % size[1]) * spacing[1],
                static_cast<double>(i % size[2]) * spacing[2]};
  };
  std::vector<double> out(seeds.size(), kInfinity);
  for (std::size_t i = 0; i < seeds.size(); ++i) {
    for (std::size_t k = 0; k < seeds.size(); ++k) {
      if (seeds[k] == 0) continue;
      const Vec3 a = place(i), b = place(k);
      out[i] =
          std::min(out[i], std::pow(a[0] - b[0], 2) + std::pow(a[1] - b[1], 2) + std::pow(a[2] - b[2], 2));
    }
  }
  return out;
}

TEST(SquaredDistances, EqualTheDefinition) {
  Rng rng(7);
  for (const Shape3& size : {Shape3{1, 1, 1}, Shape3{1, 1, 17}, Shape3{1, 13, 20}, Shape3{9, 10, 11},
                             Shape3{5, 1, 9}, Shape3{12, 3, 1}}) {
    for (const double share : {0.02, 0.2, 1.0}) {
      for (const Vec3& spacing : {Vec3{1, 1, 1}, Vec3{5, 0.8, 0.8}, Vec3{0.3, 2, 1.7}}) {
        std::vector<std::uint8_t> seeds(static_cast<std::size_t>(size[0] * size[1] * size[2]));
        for (auto& seed : seeds) seed = rng.chance(share) ? 3 : 0;
        const auto expected = nearest_seeds(seeds, size, spacing);
        const auto got = squared_distances(seeds, size, spacing);
        ASSERT_EQ(got.size(), expected.size());
        for (std::size_t i = 0; i < got.size(); ++i) {
          EXPECT_TRUE(got[i] == expected[i] || std::abs(got[i] - expected[i]) <= 1e-12 * expected[i])
              << i << ": " << got[i] << " and " << expected[i];
        }
      }
    }
  }
}

TEST(SquaredDistances, AreInfiniteWithoutSeeds) {
  const std::vector<std::uint8_t> none(24, 0);
  EXPECT_THAT(squared_distances(none, {2, 3, 4}, {1, 1, 1}), ::testing::Each(kInfinity));
}

TEST(SquaredDistances, DoNotDependOnTheNumberOfThreads) {
  Rng rng(8);
  const Shape3 size{10, 30, 37};
  std::vector<std::uint8_t> seeds(static_cast<std::size_t>(size[0] * size[1] * size[2]));
  for (auto& seed : seeds) seed = rng.chance(0.01);
  set_thread_count(1);
  const auto serial = squared_distances(seeds, size, {2.5, 0.7, 0.9});
  set_thread_count(3);
  EXPECT_EQ(squared_distances(seeds, size, {2.5, 0.7, 0.9}), serial);
  set_thread_count(0);
}

TEST(SquaredDistances, RefuseAnotherSize) {
  const std::vector<std::uint8_t> seeds(5);
  EXPECT_THAT(testing::error_of([&] {
                squared_distances(seeds, {1, 2, 3}, {1, 1, 1});
              }),
              ::testing::HasSubstr("1 x 2 x 3"));
}

}  // namespace
}  // namespace seg
