#include "image/morphology.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "support/goldens.h"

namespace seg {
namespace {

/// Plain reference: background spreads from the faces of the volume until nothing changes.
Mask filled_by_spreading(const Mask& mask, const Shape3& n) {
  const auto at = [&](std::int64_t z, std::int64_t y, std::int64_t x) {
    return static_cast<std::size_t>((z * n[1] + y) * n[2] + x);
  };
  Mask open(mask.size(), 0);
  for (bool changed = true; changed;) {
    changed = false;
    for (std::int64_t z = 0; z < n[0]; ++z) {
      for (std::int64_t y = 0; y < n[1]; ++y) {
        for (std::int64_t x = 0; x < n[2]; ++x) {
          if (mask[at(z, y, x)] != 0 || open[at(z, y, x)] != 0) continue;
          const bool face = z == 0 || y == 0 || x == 0 || z == n[0] - 1 || y == n[1] - 1 || x == n[2] - 1;
          if (!face && !open[at(z - 1, y, x)] && !open[at(z + 1, y, x)] && !open[at(z, y - 1, x)] &&
              !open[at(z, y + 1, x)] && !open[at(z, y, x - 1)] && !open[at(z, y, x + 1)])
            continue;
          open[at(z, y, x)] = 1;
          changed = true;
        }
      }
    }
  }
  Mask filled(mask.size());
  for (std::size_t i = 0; i < mask.size(); ++i) filled[i] = open[i] == 0;
  return filled;
}

TEST(FillHoles, EqualsSpreadingFromTheFaces) {
  std::int64_t filled_voxels = 0;
  for (const double density : {-0.6, -0.3, 0.0, 0.3, 0.6}) {
    for (const Shape3& size : {Shape3{9, 10, 11}, Shape3{3, 17, 5}, Shape3{1, 20, 20}, Shape3{2, 8, 8}}) {
      const auto noise = testing::formula_values("holes", size[0] * size[1] * size[2], density, 1.0);
      Mask mask(noise.size());
      for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = noise[i] > 0;
      const Mask expected = filled_by_spreading(mask, size);
      for (std::size_t i = 0; i < mask.size(); ++i) filled_voxels += expected[i] - mask[i];
      fill_holes(mask, size);
      EXPECT_EQ(mask, expected);
    }
  }
  EXPECT_GT(filled_voxels, 50);  // the noise has holes
}

TEST(FillHoles, LeavesFlatImagesAlone) {
  Mask ring{1, 1, 1, 1, 0, 1, 1, 1, 1};
  const Mask before = ring;
  fill_holes(ring, {1, 3, 3});
  EXPECT_EQ(ring, before);
}

TEST(FillHoles, ChecksTheSize) {
  Mask mask(5);
  EXPECT_THROW(fill_holes(mask, {1, 2, 2}), Error);
}

}  // namespace
}  // namespace seg
