#include "infer/sliding_window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/json.h"
#include "base/npz.h"
#include "base/rng.h"
#include "support/golden_arrays.h"
#include "support/linear_net.h"
#include "support/tolerances.h"

namespace seg {
namespace {

using testing::golden_image;
using testing::kSlidingWindow;
using testing::shared_folder;

Image random_image(const Shape4& shape, std::uint64_t seed) {
  Rng rng(seed);
  Image image(shape);
  for (auto& value : image.data) value = static_cast<float>(rng.normal());
  return image;
}

double max_abs_difference(std::span<const float> a, std::span<const float> b) {
  return testing::max_abs_difference(a, b);
}

double mean_abs_difference(const Image& a, const Image& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.data.size(); ++i) sum += std::abs(a.data[i] - b.data[i]);
  return sum / static_cast<double>(a.count());
}

/// Passes the first channel through as class 0 and its negative as class 1.
void pass_through(std::span<const float> tiles, std::int64_t n, std::int64_t channels, std::int64_t height,
                  std::int64_t width, std::span<float> logits) {
  const std::int64_t pixels = height * width;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t p = 0; p < pixels; ++p) {
      const float value = tiles[static_cast<std::size_t>(i * channels * pixels + p)];
      logits[static_cast<std::size_t>(i * 2 * pixels + p)] = value;
      logits[static_cast<std::size_t>((i * 2 + 1) * pixels + p)] = -value;
    }
  }
}

TEST(TileStarts, EqualTheReference) {
  SEG_REQUIRE_SHARED(kSlidingWindow);
  const Json rows = read_json(shared_folder() / kSlidingWindow / "steps.json");
  for (const auto& row : rows) {
    const auto image = get<std::vector<std::int64_t>>(row, "image_size");
    const auto tile = get<std::vector<std::int64_t>>(row, "tile_size");
    const auto expected = get<std::vector<std::vector<std::int64_t>>>(row, "steps");
    for (std::size_t axis = 0; axis < image.size(); ++axis)
      EXPECT_EQ(tile_starts(image[axis], tile[axis], get<double>(row, "step")), expected[axis]) << row.dump();
  }
}

TEST(TileStarts, CoverTheAxisFromEndToEnd) {
  for (std::int64_t image = 1; image < 200; ++image) {
    for (const std::int64_t patch : {1, 7, 32, 64}) {
      for (const double step : {0.1, 0.5, 1.0}) {
        const auto starts = tile_starts(image, patch, step);
        EXPECT_EQ(starts.front(), 0);
        EXPECT_EQ(starts.back(), std::max<std::int64_t>(0, image - patch));
        for (std::size_t i = 1; i < starts.size(); ++i) {
          EXPECT_GE(starts[i], starts[i - 1]);
          EXPECT_LE(starts[i] - starts[i - 1], patch);
        }
      }
    }
  }
}

TEST(GaussianImportance, EqualsTheReference) {
  SEG_REQUIRE_SHARED(kSlidingWindow);
  const auto golden = read_npz(shared_folder() / kSlidingWindow / "gaussian_64x64.npz");
  const auto exact = array_of(golden, "fp64").values<float>();
  const auto got = gaussian_importance({64, 64});
  ASSERT_EQ(got.size(), exact.size());
  for (std::size_t i = 0; i < got.size(); ++i)
    EXPECT_NEAR(got[i], exact[i], testing::kGaussianRelative * exact[i]) << "pixel " << i;
}

TEST(GaussianImportance, EqualsTheReferenceForOtherPatches) {
  SEG_REQUIRE_SHARED(kSlidingWindow);
  const Json goldens = read_json(shared_folder() / kSlidingWindow / "gaussian.json");
  for (const auto& [name, golden] : goldens.items()) {
    const auto cross = name.find('x');
    const std::int64_t height = std::stoll(name), width = std::stoll(name.substr(cross + 1));
    const auto got = gaussian_importance({height, width});
    const auto centre = get<std::vector<double>>(golden, "centre_row_fp64");
    const auto first = get<std::vector<double>>(golden, "first_row_fp64");
    const auto first_half = get<std::vector<double>>(golden, "first_row_fp16");
    ASSERT_EQ(static_cast<std::int64_t>(centre.size()), width);
    for (std::size_t x = 0; x < centre.size(); ++x) {
      EXPECT_NEAR(got[static_cast<std::size_t>(height / 2 * width) + x], centre[x],
                  testing::kGaussianRelative * centre[x]);
      EXPECT_NEAR(got[x], first[x], testing::kGaussianRelative * first[x]);
      // The reference's weights are float16: ours, unrounded, lie within one of its steps.
      EXPECT_NEAR(got[x], first_half[x], testing::half_step(first_half[x])) << name << " column " << x;
    }
    double sum = 0;
    for (const float value : got) sum += value;
    const double expected = get<double>(golden["fp64"], "sum");
    EXPECT_NEAR(sum, expected, testing::kGaussianRelative * expected);
  }
}

struct HippocampusCase {
  const char* name;
  std::array<std::int64_t, 2> patch;
  bool mirror;
};

class SlidingWindowHippocampus : public ::testing::TestWithParam<HippocampusCase> {};

TEST_P(SlidingWindowHippocampus, EqualsTheReference) {
  SEG_REQUIRE_SHARED(kSlidingWindow);
  const auto& [name, patch, mirror] = GetParam();
  const Image image =
      golden_image("goldens/pipeline/hippocampus/preprocessed_2d/hippocampus_019__2d.npz", "data");
  const auto net = testing::LinearNet::read(shared_folder() / kSlidingWindow / "net_hippocampus_2d.json");
  const fs::path golden = kSlidingWindow / (std::string(name) + ".npz");
  const Image half = golden_image(golden, "logits_fp16acc");
  const Json manifest = get<Json>(read_json(shared_folder() / kSlidingWindow / "manifest.json"), name);
  EXPECT_EQ(patch, get<decltype(SlidingWindowConfig::patch_size)>(manifest, "patch"));
  EXPECT_EQ(mirror, !manifest["mirror_axes"].is_null());
  EXPECT_EQ(image.shape, get<Shape4>(manifest, "shape_data"));
  EXPECT_EQ(half.shape, get<Shape4>(manifest, "shape_logits"));
  for (const std::int64_t tiles_per_batch : {1, 5}) {
    SlidingWindowConfig config{patch, 0.5, mirror, tiles_per_batch, net.classes()};
    const Image logits = predict_sliding_window(image, config, net);
    ASSERT_EQ(logits.shape, half.shape);
    EXPECT_LE(max_abs_difference(logits.data, half.data), testing::kHalfAccumulatorsAbs);
    EXPECT_LE(mean_abs_difference(logits, half), testing::kHalfAccumulatorsMean);
    // As far from the float16 run as the reference's own float32 run is.
    EXPECT_NEAR(max_abs_difference(logits.data, half.data),
                get<double>(manifest, "max_abs_diff_fp16acc_vs_fp32acc"), testing::kFloatAccumulatorsAbs);
    EXPECT_NEAR(mean_abs_difference(logits, half), get<double>(manifest, "mean_abs_diff"),
                testing::kFloatAccumulatorsAbs);
    if (golden == kSlidingWindow / "hippocampus_019__32x24__tta.npz") {
      const Image exact = golden_image(golden, "logits_fp32acc");
      const double worst = max_abs_difference(logits.data, exact.data);
      RecordProperty("max_abs_difference_fp32", fmt::format("{:.2e}", worst));
      EXPECT_LE(worst, testing::kFloatAccumulatorsAbs);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Goldens, SlidingWindowHippocampus,
                         ::testing::Values(HippocampusCase{"hippocampus_019__64x64__notta", {64, 64}, false},
                                           HippocampusCase{"hippocampus_019__64x64__tta", {64, 64}, true},
                                           HippocampusCase{"hippocampus_019__32x24__notta", {32, 24}, false},
                                           HippocampusCase{"hippocampus_019__32x24__tta", {32, 24}, true}),
                         [](const auto& row) {
                           return fmt::format("Patch{}{}", row.param.patch[0],
                                              row.param.mirror ? "Mirrored" : "");
                         });

class SlidingWindowAniso : public ::testing::TestWithParam<const char*> {};

TEST_P(SlidingWindowAniso, EqualsTheReference) {
  SEG_REQUIRE_SHARED(kSlidingWindow);
  const std::string set = GetParam();
  const Image image =
      golden_image(fs::path("goldens/pipeline") / set / "preprocessed/test_06__2d.npz", "data");
  const auto net = testing::LinearNet::read(shared_folder() / kSlidingWindow / ("net_" + set + "_2d.json"));
  const Image expected = golden_image(kSlidingWindow / (set + "__test_06__2d.npz"), "logits_fp16acc");
  const Image logits = predict_sliding_window(image, {{32, 24}, 0.5, true, 3, net.classes()}, net);
  ASSERT_EQ(logits.shape, expected.shape);
  EXPECT_LE(max_abs_difference(logits.data, expected.data), testing::kHalfAccumulatorsAbs);
  // A's logits reach 20, where float16 numbers lie 0.016 apart: its mean says nothing about ours.
  if (set == "aniso_A") return;
  EXPECT_LE(mean_abs_difference(logits, expected), testing::kHalfAccumulatorsMean);
}

INSTANTIATE_TEST_SUITE_P(Goldens, SlidingWindowAniso, ::testing::Values("aniso_A", "aniso_B", "aniso_C"),
                         [](const auto& row) { return std::string(row.param); });

TEST(SlidingWindow, GivesBackWhatThePassThroughModelSees) {
  // Sizes below, at and above the patch, on each axis.
  for (const Shape4 shape :
       {Shape4{2, 3, 40, 50}, Shape4{1, 2, 7, 40}, Shape4{1, 1, 32, 5}, Shape4{3, 1, 4, 3}}) {
    const Image image = random_image(shape, 7);
    for (const bool mirror : {false, true}) {
      for (const std::int64_t tiles_per_batch : {1, 2, 1000}) {
        const Image logits =
            predict_sliding_window(image, {{16, 12}, 0.5, mirror, tiles_per_batch, 2}, pass_through);
        ASSERT_EQ(logits.shape, (Shape4{2, shape[1], shape[2], shape[3]}));
        EXPECT_LE(max_abs_difference(logits.channel(0), image.channel(0)), testing::kWeightedMeanAbs);
        std::vector<float> negative(logits.channel(1).begin(), logits.channel(1).end());
        for (auto& value : negative) value = -value;
        EXPECT_LE(max_abs_difference(negative, image.channel(0)), testing::kWeightedMeanAbs);
      }
    }
  }
}

TEST(SlidingWindow, GivesTheSameForAnyBatch) {
  const Image image = random_image({1, 3, 40, 50}, 7);
  const auto logits = [&](std::int64_t tiles_per_batch, std::vector<std::int64_t>& batches) {
    const TileModel model = [&](std::span<const float> tiles, std::int64_t n, auto... rest) {
      batches.push_back(n);
      pass_through(tiles, n, rest...);
    };
    return predict_sliding_window(image, {{32, 24}, 0.5, true, tiles_per_batch, 2}, model);
  };
  std::vector<std::int64_t> ones, sevens;
  EXPECT_EQ(logits(1, ones), logits(7, sevens));
  // Three slices of 2x4 tiles, each in four ways; the last batch is what is left.
  EXPECT_EQ(ones, std::vector<std::int64_t>(96, 1));
  std::vector<std::int64_t> expected(13, 7);
  expected.push_back(5);
  EXPECT_EQ(sevens, expected);
}

TEST(SlidingWindow, PadsWithZerosAndTheExtraPixelBehind) {
  const Image image({1, 1, 1, 2}, 5.0f);
  std::vector<float> seen;
  const TileModel spy = [&](std::span<const float> tiles, auto, auto, auto, auto, std::span<float> logits) {
    seen.assign(tiles.begin(), tiles.end());
    std::copy(tiles.begin(), tiles.end(), logits.begin());
  };
  const Image logits = predict_sliding_window(image, {{2, 5}, 0.5, false, 1, 1}, spy);
  EXPECT_THAT(seen, ::testing::ElementsAre(0, 5, 5, 0, 0, 0, 0, 0, 0, 0));
  EXPECT_EQ(logits, image);
}

TEST(SlidingWindow, MirrorsEveryAxisOnceAndTogether) {
  const Image image = random_image({1, 1, 3, 4}, 3);
  std::vector<std::vector<float>> seen;
  const TileModel spy = [&](std::span<const float> tiles, auto, auto, auto, auto, std::span<float> logits) {
    seen.emplace_back(tiles.begin(), tiles.end());
    std::copy(tiles.begin(), tiles.end(), logits.begin());
  };
  predict_sliding_window(image, {{3, 4}, 0.5, true, 1, 1}, spy);
  ASSERT_EQ(seen.size(), 4u);
  for (std::size_t flip = 0; flip < 4; ++flip) {
    for (std::int64_t y = 0; y < 3; ++y) {
      for (std::int64_t x = 0; x < 4; ++x) {
        const std::int64_t from_y = flip & 1 ? 2 - y : y, from_x = flip & 2 ? 3 - x : x;
        EXPECT_EQ(seen[flip][static_cast<std::size_t>(y * 4 + x)], image.at(0, 0, from_y, from_x));
      }
    }
  }
}

TEST(SlidingWindow, RefusesSenselessInput) {
  const Image image({1, 1, 8, 8});
  EXPECT_THROW(predict_sliding_window(Image({1, 0, 8, 8}), {{4, 4}, 0.5, false, 1, 2}, pass_through), Error);
  EXPECT_THROW(predict_sliding_window(image, {{0, 4}, 0.5, false, 1, 2}, pass_through), Error);
  EXPECT_THROW(predict_sliding_window(image, {{4, 4}, 0.0, false, 1, 2}, pass_through), Error);
  EXPECT_THROW(predict_sliding_window(image, {{4, 4}, 0.5, false, 0, 2}, pass_through), Error);
  EXPECT_THROW(predict_sliding_window(image, {{4, 4}, 0.5, false, 1, 0}, pass_through), Error);
}

}  // namespace
}  // namespace seg
