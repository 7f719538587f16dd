#include "image/components.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "base/rng.h"
#include "support/errors.h"

namespace seg {
namespace {

using ::testing::ElementsAre;

/// The definition: flood fill from every voxel that has no number yet.
template <class T>
Components flood(const std::vector<T>& values, const Shape3& size, Connectivity connectivity) {
  Components found;
  found.ids.assign(values.size(), 0);
  found.sizes.assign(1, std::count(values.begin(), values.end(), T{}));
  const auto index = [&](std::int64_t z, std::int64_t y, std::int64_t x) {
    return static_cast<std::size_t>((z * size[1] + y) * size[2] + x);
  };
  for (std::size_t start = 0; start < values.size(); ++start) {
    if (values[start] == T{} || found.ids[start] != 0) continue;
    found.ids[start] = static_cast<std::int32_t>(found.sizes.size());
    std::vector<std::size_t> piece{start};
    for (std::size_t next = 0; next < piece.size(); ++next) {
      const auto i = static_cast<std::int64_t>(piece[next]);
      const Shape3 at{i / (size[1] * size[2]), i / size[2] % size[1], i % size[2]};
      for (std::int64_t k = 0; k < 27; ++k) {
        const Shape3 step{k / 9 - 1, k / 3 % 3 - 1, k % 3 - 1};
        const auto length = std::abs(step[0]) + std::abs(step[1]) + std::abs(step[2]);
        if (connectivity == Connectivity::face && length > 1) continue;
        const Shape3 to{at[0] + step[0], at[1] + step[1], at[2] + step[2]};
        if (std::clamp<std::int64_t>(to[0], 0, size[0] - 1) != to[0] ||
            std::clamp<std::int64_t>(to[1], 0, size[1] - 1) != to[1] ||
            std::clamp<std::int64_t>(to[2], 0, size[2] - 1) != to[2])
          continue;
        const std::size_t n = index(to[0], to[1], to[2]);
        if (values[n] != values[start] || found.ids[n] != 0) continue;
        found.ids[n] = found.ids[start];
        piece.push_back(n);
      }
    }
    found.sizes.push_back(static_cast<std::int64_t>(piece.size()));
  }
  return found;
}

TEST(Components, EqualsAFloodFillForMasksAndLabels) {
  Rng rng(3);
  for (const Shape3& size : {Shape3{1, 1, 1}, Shape3{1, 9, 14}, Shape3{6, 1, 20}, Shape3{7, 8, 9}}) {
    for (const auto connectivity : {Connectivity::face, Connectivity::full}) {
      for (const int kinds : {2, 3, 5}) {
        std::vector<std::uint8_t> mask(static_cast<std::size_t>(size[0] * size[1] * size[2]));
        std::vector<std::int32_t> labels;
        for (auto& value : mask) {
          value = static_cast<std::uint8_t>(rng.below(kinds));
          labels.push_back(value * 1000 - (value == 1 ? 2000 : 0));  // negative values are values as well
        }
        const auto expected = flood(mask, size, connectivity);
        const auto of_mask = find_components<std::uint8_t>(mask, size, connectivity);
        const auto of_labels = find_components<std::int32_t>(labels, size, connectivity);
        EXPECT_EQ(of_mask.ids, expected.ids);
        EXPECT_EQ(of_mask.sizes, expected.sizes);
        EXPECT_EQ(of_labels.ids, expected.ids);
      }
    }
  }
}

TEST(Components, CornersJoinOnlyWithFullConnectivity) {
  const std::vector<std::uint8_t> mask{1, 0, 0,   //
                                       0, 1, 0,   //
                                       0, 0, 0,   //
                                       1, 1, 0};  // [1, 4, 3]
  EXPECT_THAT(find_components<std::uint8_t>(mask, {1, 4, 3}, Connectivity::face).sizes,
              ElementsAre(8, 1, 1, 2));
  EXPECT_THAT(find_components<std::uint8_t>(mask, {1, 4, 3}, Connectivity::full).sizes, ElementsAre(8, 2, 2));
  EXPECT_EQ(find_components<std::uint8_t>(mask, {4, 1, 3}, Connectivity::full).count(), 2);
}

TEST(Components, RefusesAnotherSize) {
  const std::vector<std::uint8_t> mask(5);
  EXPECT_THAT(testing::error_of([&] {
                find_components<std::uint8_t>(mask, {1, 2, 3}, Connectivity::face);
              }),
              ::testing::HasSubstr("1 x 2 x 3"));
}

}  // namespace
}  // namespace seg
