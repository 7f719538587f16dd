#include "data/phantom.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <set>

#include "data/dataset.h"
#include "data/phantom_shapes.h"
#include "image/image_io.h"
#include "support/errors.h"
#include "support/folder.h"

namespace seg {
namespace {

using testing::error_of;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

struct Kind {
  PhantomCase (*render)(std::uint64_t, int);
  int classes;
  double least_share;  ///< of the foreground voxels, over two cases, per class
};
class Render : public ::testing::TestWithParam<Kind> {};

TEST_P(Render, IsTheSameForASeedAndDiffersBetweenCases) {
  const PhantomCase a = GetParam().render(5, 0), again = GetParam().render(5, 0);
  EXPECT_EQ(a.image, again.image);
  EXPECT_EQ(a.labels, again.labels);
  EXPECT_NE(a.image.data, GetParam().render(5, 3).image.data);
  EXPECT_NE(a.image.data, GetParam().render(6, 0).image.data);
}

TEST_P(Render, HoldsEveryClass) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(GetParam().classes) + 1);
  for (int i = 0; i < 2; ++i) {
    const PhantomCase rendered = GetParam().render(1, 3 * i);
    ASSERT_EQ(rendered.image.space(), rendered.labels.space());
    for (const auto value : rendered.labels.data) {
      ASSERT_GE(value, 0);
      ASSERT_LE(value, GetParam().classes);
      ++counts[static_cast<std::size_t>(value)];
    }
    for (const float value : rendered.image.data) ASSERT_TRUE(std::isfinite(value) && value >= 0);
  }
  const auto foreground = std::accumulate(counts.begin() + 1, counts.end(), std::int64_t{0});
  for (std::size_t c = 1; c < counts.size(); ++c)
    EXPECT_GT(static_cast<double>(counts[c]), GetParam().least_share * static_cast<double>(foreground)) << c;
}

INSTANTIATE_TEST_SUITE_P(Kinds, Render,
                         ::testing::Values(Kind{render_abdomen, 5, 0.01}, Kind{render_endoscopy, 3, 0.02},
                                           Kind{render_cells, 2, 0.1}));

// A threshold must not solve the task: the best one for the liver stays far from the 0.8 that training
// reaches.
TEST(RenderAbdomen, NoThresholdFindsTheLiver) {
  const PhantomCase body = render_abdomen(1, 0);
  double best = 0;
  for (int low = 0; low < 1000; low += 50) {
    for (int high = low + 50; high <= 1000; high += 50) {
      double both = 0, found = 0, liver = 0;
      for (std::size_t i = 0; i < body.labels.data.size(); ++i) {
        const bool in =
            body.image.data[i] >= static_cast<float>(low) && body.image.data[i] < static_cast<float>(high);
        const bool is = body.labels.data[i] == 1;
        both += in && is;
        found += in;
        liver += is;
      }
      best = std::max(best, 2 * both / (found + liver));
    }
  }
  EXPECT_LT(best, 0.85);
  EXPECT_GT(best, 0.2);
}

TEST(RenderAbdomen, RightKidneyLiesOnThePatientsRight) {
  const PhantomCase body = render_abdomen(1, 0);  // x grows to the patient's left in LPS
  double x_right = 0, x_left = 0, right = 0, left = 0;
  for (std::int64_t i = 0; i < body.labels.count(); ++i) {
    const auto value = body.labels.data[static_cast<std::size_t>(i)];
    const auto x = static_cast<double>(i % body.labels.shape[3]);
    if (value == 3) x_right += x, ++right;
    if (value == 4) x_left += x, ++left;
  }
  EXPECT_LT(x_right / right, x_left / left);
}

TEST(RenderCells, InstancesMatchTheClassesAndSomeTouch) {
  const PhantomCase cells = render_cells(1, 1);
  int touching = 0;
  for (std::int64_t y = 0; y < cells.labels.shape[2]; ++y) {
    for (std::int64_t x = 0; x + 1 < cells.labels.shape[3]; ++x) {
      const auto a = cells.instances.at(0, 0, y, x), b = cells.instances.at(0, 0, y, x + 1);
      EXPECT_EQ(a != 0, cells.labels.at(0, 0, y, x) != 0);
      touching += a != 0 && b != 0 && a != b;
    }
  }
  EXPECT_GT(touching, 20);
  const std::set<std::int32_t> numbers(cells.instances.data.begin(), cells.instances.data.end());
  EXPECT_EQ(*numbers.rbegin() + 1, static_cast<std::int32_t>(numbers.size()));  // 0, 1, 2, ... without a hole
}

TEST(SmoothNoise, IsBoundedAndContinuous) {
  Rng rng(3);
  const SmoothNoise noise(rng, 10);
  double largest = 0;
  for (int i = 0; i < 4000; ++i) {
    const Point p{rng.uniform(-100, 100), rng.uniform(-100, 100), rng.uniform(-100, 100)};
    EXPECT_LE(std::abs(noise(p)), 1);
    EXPECT_NEAR(noise(p), noise(p + Point{1e-6, -1e-6, 1e-6}), 1e-5);
    largest = std::max(largest, std::abs(noise(p)));
  }
  EXPECT_GT(largest, 0.5);
}

TEST(Ellipsoid, DistanceOnTheAxes) {
  const Ellipsoid turned{{1, 2, 3}, {4, 2, 1}, std::numbers::pi / 2};  // its long axis lies along y
  EXPECT_NEAR(turned.distance({1, 6, 3}), 0, 1e-12);
  EXPECT_NEAR(turned.distance({3, 2, 3}), 0, 1e-12);
  EXPECT_NEAR(turned.distance({1, 2, 5}), 1, 1e-12);
  EXPECT_LT(turned.distance({1, 2, 3}), 0);
}

class MakePhantom : public ::testing::TestWithParam<const char*> {};

TEST_P(MakePhantom, WritesADatasetThatOpens) {
  const TemporaryFolder folder;
  const fs::path root = make_phantom(GetParam(), folder.path(), 2, 9);
  const Dataset dataset = open_dataset(root);
  ASSERT_EQ(dataset.training.size(), 2u);
  EXPECT_EQ(dataset.info.num_training, 2);
  const auto& first = dataset.training[0];
  const LoadedImage image = read_channels(first.images);
  const LoadedLabels labels = read_labels(first.label);
  EXPECT_EQ(static_cast<std::size_t>(image.voxels.channels()), dataset.info.channel_names.size());
  check_same_grid(image.geometry, image.voxels.space(), "image", labels.geometry, labels.voxels.space(),
                  "label");
  check_label_values(labels.voxels, dataset.info, "label");
  const auto tests =
      list_cases(root / "imagesTs", dataset.info.channel_names.size(), dataset.info.file_ending);
  ASSERT_EQ(tests.size(), 2u);
  for (const Case& one : tests)
    EXPECT_TRUE(fs::exists(root / "labelsTs" / (one.id + dataset.info.file_ending)));
  EXPECT_THAT(error_of([&] { make_phantom(GetParam(), folder.path(), 2, 9); }), HasSubstr("exists already"));
}
INSTANTIATE_TEST_SUITE_P(Kinds, MakePhantom, ::testing::Values("abdomen", "endoscopy", "cells"));

TEST(MakePhantom, UnknownNamesListTheKnownOnes) {
  EXPECT_THAT(error_of([] { make_phantom("cell", "nowhere", 2, 9); }), HasSubstr("cells"));
}

}  // namespace
}  // namespace seg
