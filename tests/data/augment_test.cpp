// Augmentation: deterministic cores against the goldens, the drawn parts by their properties.
#include "data/augment.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <set>

#include <gtest/gtest.h>

#include "base/npz.h"
#include "data/intensity_transforms.h"
#include "data/spatial_transform.h"
#include "data/spline.h"
#include "support/goldens.h"
#include "support/tolerances.h"

namespace seg {
namespace {

using testing::max_abs_difference;

const char* const kFolder = "goldens/pipeline/training/augmentation";

NpzArrays golden(const std::string& name) {
  return read_npz(testing::shared_folder() / kFolder / (name + ".npz"));
}

std::vector<std::int16_t> labels_of(std::span<const float> values) {
  return {values.begin(), values.end()};
}

Patch golden_input() {
  const auto arrays = golden("input");
  const auto& data = array_of(arrays, "data");
  Patch patch(data.shape()[0], {data.shape()[1], data.shape()[2]});
  std::ranges::copy(data.values<float>(), patch.data.begin());
  patch.seg = labels_of(array_of(arrays, "seg").values<float>());
  return patch;
}

void expect_golden(const Patch& patch, const std::string& name) {
  const auto arrays = golden(name);
  const auto expected = array_of(arrays, "data").values<float>();
  ASSERT_EQ(patch.data.size(), expected.size()) << name;
  EXPECT_LE(max_abs_difference<float>(std::span(patch.data), expected), testing::kAugmentation) << name;
  EXPECT_EQ(patch.seg, labels_of(array_of(arrays, "seg").values<float>())) << name;
}

Patch random_patch(std::int64_t channels, Size2 size, int labels, std::uint64_t seed = 1) {
  Rng rng(seed);
  Patch patch(channels, size);
  for (float& value : patch.data) value = static_cast<float>(rng.uniform(-2, 3));
  for (auto& label : patch.seg) label = static_cast<std::int16_t>(rng.below(labels + 1) - 1);
  return patch;
}

/// Every probability zero but those a test sets.
AugmentationParameters nothing() {
  AugmentationParameters p;
  p.p_rotation = p.p_scaling = p.p_noise = p.p_blur = p.p_brightness = p.p_contrast = 0;
  p.p_low_resolution = p.p_gamma_inverted = p.p_gamma = p.p_mirror = 0;
  p.max_rotation = std::numbers::pi;
  return p;
}

TEST(SpatialTransform, EqualsGoldens) {
  SEG_REQUIRE_SHARED(kFolder);
  const Patch input = golden_input();
  const Size2 size{64, 56};
  expect_golden(rotate_and_scale(input, 0.6, 1.0, size), "spatial_rot+0.6");
  expect_golden(rotate_and_scale(input, -1.1, 1.3, size), "spatial_rot-1.1_scale1.3");
  expect_golden(rotate_and_scale(input, 0, 0.75, size), "spatial_scale0.75");
  expect_golden(rotate_and_scale(input, 0, 1.4, size), "spatial_scale1.4");
  expect_golden(rotate_and_scale(input, std::numbers::pi / 2, 1.0, size), "spatial_rot+pi2");
  expect_golden(center_crop(input, size), "spatial_none_center_crop");
}

/// The rule as written: one pass per label, ascending, each overwriting where its linear indicator reaches
/// 0.5.
std::vector<std::int16_t> labels_one_by_one(const Patch& patch, double angle, double scale, Size2 size) {
  std::vector<std::int16_t> result(static_cast<std::size_t>(size[0] * size[1]), 0);
  for (const std::int16_t label : std::set<std::int16_t>(patch.seg.begin(), patch.seg.end())) {
    for (std::int64_t i = 0; i < size[0] * size[1]; ++i) {
      const double grid_y = static_cast<double>(i / size[1]) - static_cast<double>(size[0] - 1) / 2;
      const double grid_x = static_cast<double>(i % size[1]) - static_cast<double>(size[1] - 1) / 2;
      const double y = (grid_y * std::cos(angle) + grid_x * std::sin(angle)) * scale +
                       static_cast<double>(patch.height) / 2 - 0.5;
      const double x = (-grid_y * std::sin(angle) + grid_x * std::cos(angle)) * scale +
                       static_cast<double>(patch.width) / 2 - 0.5;
      if (y < 0 || x < 0 || y > static_cast<double>(patch.height - 1) ||
          x > static_cast<double>(patch.width - 1)) {
        continue;
      }
      double share = 0;
      for (const double corner_y : {std::floor(y), std::floor(y) + 1}) {
        for (const double corner_x : {std::floor(x), std::floor(x) + 1}) {
          const double weight = (1 - std::abs(y - corner_y)) * (1 - std::abs(x - corner_x));
          const auto at =
              static_cast<std::int64_t>(corner_y) * patch.width + static_cast<std::int64_t>(corner_x);
          if (weight > 0 && patch.seg[static_cast<std::size_t>(at)] == label) share += weight;
        }
      }
      if (share >= 0.5) result[static_cast<std::size_t>(i)] = label;
    }
  }
  return result;
}

TEST(SpatialTransform, VotesAsOnePassPerLabel) {
  const Patch patch = random_patch(0, {41, 37}, 13);
  for (const auto& [angle, scale] : {std::pair{0.4, 1.0}, {-2.5, 1.37}, {0.0, 0.71}, {3.0, 0.9}}) {
    const auto result = rotate_and_scale(patch, angle, scale, {32, 30});
    EXPECT_EQ(result.seg, labels_one_by_one(patch, angle, scale, {32, 30})) << angle << " " << scale;
  }
}

TEST(SpatialTransform, LargerLabelWinsATie) {
  Patch patch(1, {2, 2});
  patch.seg = {1, 2, 1, 2};
  EXPECT_EQ(rotate_and_scale(patch, 0, 1, {1, 1}).seg, std::vector<std::int16_t>{2});
  patch.seg = {1, 2, 3, 4};
  EXPECT_EQ(rotate_and_scale(patch, 0, 1, {1, 1}).seg, std::vector<std::int16_t>{0}) << "none reaches a half";
}

TEST(SpatialTransform, QuarterTurnsMovePixelsExactly) {
  const Patch patch = random_patch(1, {9, 9}, 3);
  Patch turned = rotate_and_scale(patch, std::numbers::pi, 1, {7, 7});
  mirror(turned, true, true);
  const Patch expected = center_crop(patch, {7, 7});
  EXPECT_EQ(turned.seg, expected.seg);
  EXPECT_LE(max_abs_difference<float>(std::span(turned.data), std::span(expected.data)),
            testing::kAugmentation);
}

TEST(SpatialTransform, HandlesOnePixelWidePatches) {
  Patch patch(1, {1, 5}, 2);
  std::ranges::fill(patch.data, 3.0f);
  const Patch result = rotate_and_scale(patch, 0, 1.2, {3, 5});
  EXPECT_NEAR(result.data[7], 3.0f, testing::kAugmentation);
  EXPECT_EQ(result.seg[7], 2);
  EXPECT_EQ(result.data[2], 0.0f) << "outside";
}

TEST(SpatialTransform, RejectsACropThatIsTooLarge) {
  EXPECT_THROW(center_crop(Patch(1, {4, 4}), {5, 4}), Error);
}

TEST(SpatialTransform, MirrorsEachAxis) {
  Patch patch(1, {2, 3});
  std::iota(patch.data.begin(), patch.data.end(), 0.0f);
  std::iota(patch.seg.begin(), patch.seg.end(), 0);
  mirror(patch, true, false);
  EXPECT_EQ(patch.data, (std::vector<float>{3, 4, 5, 0, 1, 2}));
  mirror(patch, false, true);
  EXPECT_EQ(patch.data, (std::vector<float>{5, 4, 3, 2, 1, 0}));
  EXPECT_EQ(patch.seg, (std::vector<std::int16_t>{5, 4, 3, 2, 1, 0}));
}

TEST(Spline, CoefficientsReproduceTheSamples) {
  const Patch patch = random_patch(1, {11, 13}, 1);
  auto coefficients = patch.data;
  spline_coefficients(coefficients, 11, 13);
  const auto weights = spline_weights(0.0f);
  for (std::int64_t y = 0; y < 11; ++y) {
    for (std::int64_t x = 0; x < 13; ++x) {
      double value = 0;
      for (std::int64_t a = -1; a <= 2; ++a) {
        for (std::int64_t b = -1; b <= 2; ++b) {
          value +=
              weights[static_cast<std::size_t>(a + 1)] * weights[static_cast<std::size_t>(b + 1)] *
              coefficients[static_cast<std::size_t>(mirror_index(y + a, 11) * 13 + mirror_index(x + b, 13))];
        }
      }
      EXPECT_NEAR(value, patch.data[static_cast<std::size_t>(y * 13 + x)], testing::kAugmentation);
    }
  }
}

TEST(IntensityTransforms, EqualGoldens) {
  SEG_REQUIRE_SHARED(kFolder);
  const Patch input = golden_input();
  const auto arrays = golden("intensity");
  const auto check = [&](const std::string& name, auto&& change) {
    Patch patch = input;
    for (std::int64_t c = 0; c < patch.channels; ++c) change(patch.plane(c));
    const auto expected = array_of(arrays, name).values<float>();
    EXPECT_LE(max_abs_difference<float>(std::span(patch.data), expected), testing::kAugmentation) << name;
  };
  using Plane = std::span<float>;
  check("blur_sigma_0.7", [&](Plane plane) { blur(plane, input.size(), 0.7); });
  check("brightness_1.125", [](Plane plane) { multiply(plane, 1.125); });
  check("contrast_0.8", [](Plane plane) { change_contrast(plane, 0.8); });
  check("contrast_1.2", [](Plane plane) { change_contrast(plane, 1.2); });
  check("lowres_zoom_0.50", [&](Plane plane) { lower_resolution(plane, input.size(), 0.50); });
  check("lowres_zoom_0.73", [&](Plane plane) { lower_resolution(plane, input.size(), 0.73); });
  check("gamma_0.7", [](Plane plane) { change_gamma(plane, 0.7, false); });
  check("gamma_1.5", [](Plane plane) { change_gamma(plane, 1.5, false); });
  check("gamma_0.7_inverted", [](Plane plane) { change_gamma(plane, 0.7, true); });
  check("gamma_1.5_inverted", [](Plane plane) { change_gamma(plane, 1.5, true); });
}

TEST(IntensityTransforms, MaskEqualsGolden) {
  SEG_REQUIRE_SHARED(kFolder);
  Patch patch = golden_input();
  mask_outside(patch, {true, false});  // the golden masks the first channel
  const auto arrays = golden("intensity");
  EXPECT_TRUE(std::ranges::equal(patch.data, array_of(arrays, "mask").values<float>()));
}

TEST(IntensityTransforms, MaskLeavesOtherChannels) {
  Patch patch(2, {1, 2}, -1);
  patch.seg[1] = 0;
  std::ranges::fill(patch.data, 1.0f);
  mask_outside(patch, {false, true});
  EXPECT_EQ(patch.data, (std::vector<float>{1, 1, 0, 1}));
}

TEST(IntensityTransforms, NoiseIsStandardNormal) {
  std::vector<float> values(200'001, 5.0f);
  Rng rng(3);
  add_noise(values, 0.5, rng);
  double mean = 0, variance = 0, fourth = 0;
  for (const float value : values) mean += value;
  mean /= static_cast<double>(values.size());
  for (const float value : values) {
    variance += std::pow(value - mean, 2);
    fourth += std::pow(value - mean, 4);
  }
  variance /= static_cast<double>(values.size());
  fourth /= static_cast<double>(values.size());
  EXPECT_NEAR(mean, 5.0, testing::kNoiseMoments);
  EXPECT_NEAR(std::sqrt(variance), 0.5, testing::kNoiseMoments);
  EXPECT_NEAR(fourth / (variance * variance), 3.0, 10 * testing::kNoiseMoments);
}

TEST(IntensityTransforms, BlurKeepsConstantsAndSmallPlanes) {
  std::vector<float> values(6, 2.0f);  // narrower than the kernel
  blur(values, {2, 3}, 1.0);
  for (const float value : values) EXPECT_NEAR(value, 2.0f, testing::kAugmentation);
}

TEST(IntensityTransforms, ConstantPlanesStayFinite) {
  std::vector<float> values(16, 2.0f);
  change_gamma(values, 1.4, true);
  change_contrast(values, 0.8);
  lower_resolution(values, {4, 4}, 0.6);
  for (const float value : values) EXPECT_NEAR(value, 2.0f, testing::kAugmentation);
}

TEST(Augment, DrawsNothingWithoutProbabilities) {
  const Patch crop = random_patch(2, {20, 18}, 3);
  Rng rng(1);
  const Patch result = augment(crop, {15, 14}, nothing(), rng);
  const Patch expected = center_crop(crop, {15, 14});
  EXPECT_EQ(result.data, expected.data);
  EXPECT_EQ(result.seg, expected.seg);
}

TEST(Augment, SameSeedSamePatch) {
  const Patch crop = random_patch(2, {20, 18}, 3);
  AugmentationParameters p;
  p.max_rotation = 1;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    Rng first(seed), second(seed);
    EXPECT_EQ(augment(crop, {15, 14}, p, first).data, augment(crop, {15, 14}, p, second).data);
  }
}

/// Share of 4000 draws whose patch differs from the centre crop when only `p` is drawn.
double share_changed(const AugmentationParameters& p) {
  const Patch crop = random_patch(1, {6, 6}, 3);
  const Patch plain = center_crop(crop, {5, 5});
  int changed = 0;
  for (std::uint64_t i = 0; i < 4000; ++i) {
    Rng rng(9, i);
    changed += augment(crop, {5, 5}, p, rng).data != plain.data;
  }
  return changed / 4000.0;
}

TEST(Augment, AppliesEachTransformAsOftenAsTheTableSays) {
  using P = AugmentationParameters;
  const struct {
    const char* name;
    double P::*probability;
    double expected;
  } rows[] = {{"rotation", &P::p_rotation, 0.2},
              {"scaling", &P::p_scaling, 0.2},
              {"noise", &P::p_noise, 0.1},
              {"blur", &P::p_blur, 0.2 * 0.5},
              {"brightness", &P::p_brightness, 0.15},
              {"contrast", &P::p_contrast, 0.15},
              {"inverted gamma", &P::p_gamma_inverted, 0.1},
              {"gamma", &P::p_gamma, 0.3},
              {"mirror", &P::p_mirror, 0.75}};  // along either axis
  for (const auto& row : rows) {
    P p = nothing();
    p.*row.probability = P{}.*row.probability;
    EXPECT_NEAR(share_changed(p), row.expected, testing::kDrawnShare) << row.name;
  }
}

TEST(Augment, DrawsBrightnessPerChannelWithinItsRange) {
  const Patch crop = random_patch(2, {6, 6}, 3);
  AugmentationParameters p = nothing();
  p.p_brightness = 1;
  std::vector<double> factors;
  for (std::uint64_t i = 0; i < 300; ++i) {
    Rng rng(2, i);
    const Patch result = augment(crop, {6, 6}, p, rng);
    const double first = result.data[0] / crop.data[0], second = result.data[36] / crop.data[36];
    EXPECT_NE(first, second);
    factors.insert(factors.end(), {first, second});
  }
  const auto [low, high] = std::ranges::minmax(factors);
  EXPECT_GE(low, 0.75 - testing::kAugmentation);
  EXPECT_LT(low, 0.77);
  EXPECT_LE(high, 1.25 + testing::kAugmentation);
  EXPECT_GT(high, 1.23);
}

TEST(Targets, EqualGoldens) {
  SEG_REQUIRE_SHARED(kFolder);
  const Patch input = golden_input();
  const auto cut = [&](Size2 size) {  // the goldens' inputs are the upper left corner
    Patch patch(0, size);
    for (std::int64_t y = 0; y < size[0]; ++y) {
      std::copy_n(input.seg.data() + y * input.width, size[1], patch.seg.data() + y * size[1]);
    }
    return patch;
  };
  int checked = 0;
  for (const auto& [name, expected] : golden("deep_supervision_targets")) {
    const Patch patch = name.starts_with("odd") ? cut({60, 36}) : cut({64, 64});
    const double scale = std::stod(name.substr(name.rfind('_') + 1));
    const Size2 size = target_size(patch.size(), {scale, scale});
    ASSERT_EQ(expected.shape(), (std::vector<std::int64_t>{1, size[0], size[1]})) << name;
    std::vector<std::int16_t> target(static_cast<std::size_t>(size[0] * size[1]));
    write_target(patch, TargetRule{}, size, target.data());
    EXPECT_EQ(target, labels_of(expected.values<float>())) << name;
    ++checked;
  }
  EXPECT_GE(checked, 10);
}

TEST(Targets, RegionsBecomeBinaryChannelsWithIgnoreLast) {
  DatasetInfo info;
  info.labels = {{"background", {0}}, {"whole", {1, 2, 3}}, {"core", {2, 3}}, {"edge", {3}}, {"ignore", {4}}};
  info.regions_class_order = {1, 2, 3};
  const TargetRule rule = TargetRule::from(info);
  ASSERT_EQ(rule.channels(), 4);
  Patch patch(1, {1, 6});
  patch.seg = {-1, 0, 1, 2, 3, 4};
  std::vector<std::int16_t> target(24);
  write_target(patch, rule, {1, 6}, target.data());
  EXPECT_EQ(target, (std::vector<std::int16_t>{0, 0, 1, 1, 1, 0,  //
                                               0, 0, 0, 1, 1, 0,  //
                                               0, 0, 0, 0, 1, 0,  //
                                               0, 0, 0, 0, 0, 1}));
}

TEST(Targets, ClassesKeepTheIgnoreLabel) {
  DatasetInfo info;
  info.labels = {{"background", {0}}, {"organ", {1}}, {"ignore", {2}}};
  const TargetRule rule = TargetRule::from(info);
  Patch patch(1, {1, 4});
  patch.seg = {-1, 0, 1, 2};
  std::vector<std::int16_t> target(4);
  write_target(patch, rule, {1, 4}, target.data());
  EXPECT_EQ(target, (std::vector<std::int16_t>{0, 0, 1, 2}));
}

}  // namespace
}  // namespace seg
