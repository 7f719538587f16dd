#include "eval/surface_distances.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/json.h"
#include "base/rng.h"
#include "eval/surfel.h"
#include "image/image_io.h"
#include "support/errors.h"
#include "support/goldens.h"
#include "support/tolerances.h"

namespace seg {
namespace {

const fs::path kEvaluation = testing::kPipeline / "evaluation";
constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(Surfels, EqualTheStoredAreas) {
  SEG_REQUIRE_SHARED(kEvaluation);
  const Json table =
      read_json(testing::shared_folder() / kEvaluation / "hippocampus/surfel_area_by_neighbour_code.json");
  ASSERT_EQ(table.size(), 4u);
  for (const auto& [key, expected] : table.items()) {
    Vec3 spacing{};
    ASSERT_EQ(std::sscanf(key.c_str(), "(%lf, %lf, %lf)", &spacing[0], &spacing[1], &spacing[2]), 3);
    const auto areas = surfel_areas(spacing);
    ASSERT_EQ(expected.size(), areas.size());
    for (std::size_t code = 0; code < areas.size(); ++code)
      EXPECT_NEAR(areas[code], expected[code].get<double>(), testing::kSurfelArea) << key << " code " << code;
  }
}

TEST(Surfels, TurnWithTheAxes) {
  const auto areas = surfel_areas({2, 3, 5}), turned = surfel_areas({5, 2, 3});
  for (unsigned code = 0; code < 256; ++code) {
    unsigned other = 0;  // corner z y x becomes corner x z y
    for (unsigned corner = 0; corner < 8; ++corner) {
      const unsigned z = corner >> 2, y = corner >> 1 & 1U, x = corner & 1U;
      other |= (code >> (7 - corner) & 1U) << (7 - (x << 2 | z << 1 | y));
    }
    EXPECT_NEAR(areas[code], turned[other], testing::kSurfelArea) << code;
    EXPECT_NEAR(areas[code], areas[255 - code], testing::kSurfelArea) << code;
  }
}

MaskPair masks_of(const Shape3& size, const Vec3& spacing) {
  MaskPair masks{.size = size, .spacing = spacing};
  masks.reference.assign(static_cast<std::size_t>(size[0] * size[1] * size[2]), 0);
  masks.prediction = masks.reference;
  return masks;
}

/// A golden entry "case_00.nii.gz label 1".
MaskPair masks_of_label(const fs::path& folder, const std::string& file, int label) {
  const auto reference = read_labels(folder / "gt" / file), prediction = read_labels(folder / "pred" / file);
  MaskPair masks = masks_of(reference.voxels.space(), reference.geometry.spacing);
  for (std::size_t i = 0; i < masks.reference.size(); ++i) {
    masks.reference[i] = reference.voxels.data[i] == label;
    masks.prediction[i] = prediction.voxels.data[i] == label;
  }
  return masks;
}

void expect_side(std::vector<Surfel> surfels, const Json& expected, const std::string& n,
                 const std::string& area, const std::string& mean, const std::string& last) {
  EXPECT_EQ(surfels.size(), expected[n].get<std::size_t>());
  double sum = 0;
  for (const auto& surfel : surfels) sum += surfel.area;
  EXPECT_NEAR(sum, expected[area].get<double>(), testing::kDistance * std::max(1.0, sum));
  EXPECT_THAT(mean_distance(surfels),
              ::testing::NanSensitiveDoubleNear(expected[mean].get<double>(), testing::kDistance));
  std::sort(surfels.begin(), surfels.end(), [](auto& a, auto& b) { return a.distance < b.distance; });
  const auto& tail = expected[last];
  for (std::size_t i = 0; i < tail.size(); ++i) {
    const double distance = surfels[surfels.size() - tail.size() + i].distance;
    EXPECT_TRUE(distance == tail[i].get<double>() ||
                std::abs(distance - tail[i].get<double>()) <= testing::kDistance);
  }
}

void expect_golden(const MaskPair& masks, const Json& expected) {
  SCOPED_TRACE(expected["name"].get<std::string>());
  const auto distances = surface_distances(masks);
  expect_side(distances.from_reference, expected, "n_gt_surfels", "area_gt", "average_distance_gt_to_pred",
              "distances_gt_to_pred_last5");
  expect_side(distances.from_prediction, expected, "n_pred_surfels", "area_pred",
              "average_distance_pred_to_gt", "distances_pred_to_gt_last5");
  for (const auto& [tolerance, dice] : expected["surface_dice"].items())
    EXPECT_THAT(surface_dice(distances, std::stod(tolerance)),
                ::testing::NanSensitiveDoubleNear(dice.get<double>(), testing::kDistance));
  for (const auto& [key, share] : {std::pair{"robust_hausdorff_95", 0.95}, std::pair{"hausdorff_100", 1.0}}) {
    const double value = hausdorff_distance(distances, share), golden = expected[key].get<double>();
    EXPECT_TRUE(value == golden || std::abs(value - golden) <= testing::kDistance) << value << " " << golden;
  }
}

class SurfaceGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(SurfaceGolden, EqualsTheReference) {
  SEG_REQUIRE_SHARED(kEvaluation);
  const fs::path folder = testing::shared_folder() / kEvaluation / GetParam();
  int compared = 0;
  for (const auto& expected : read_json(folder / "surface_distances.json")) {
    const auto name = expected["name"].get<std::string>();
    const auto split = name.find(" label ");
    if (split == std::string::npos) continue;
    expect_golden(masks_of_label(folder, name.substr(0, split), std::stoi(name.substr(split + 7))), expected);
    ++compared;
  }
  EXPECT_GE(compared, 16);
}

INSTANTIATE_TEST_SUITE_P(Goldens, SurfaceGolden, ::testing::Values("hippocampus", "anisotropic"));

/// Sets the voxels of a box [from, to) in z, y, x.
void fill(std::vector<std::uint8_t>& mask, const Shape3& size, const Shape3& from, const Shape3& to,
          std::uint8_t value = 1) {
  for (std::int64_t z = from[0]; z < to[0]; ++z) {
    for (std::int64_t y = from[1]; y < to[1]; ++y) {
      for (std::int64_t x = from[2]; x < to[2]; ++x)
        mask[static_cast<std::size_t>((z * size[1] + y) * size[2] + x)] = value;
    }
  }
}

TEST(SurfaceDistances, EqualTheReferenceForMadeUpMasks) {
  SEG_REQUIRE_SHARED(kEvaluation);
  std::map<std::string, Json> golden;
  for (const auto& entry :
       read_json(testing::shared_folder() / kEvaluation / "hippocampus/surface_distances.json"))
    golden[entry["name"].get<std::string>()] = entry;
  const Shape3 size{9, 9, 9};
  struct Box {
    Shape3 from{}, to{};
  };
  const Box none, voxel{{3, 3, 3}, {4, 4, 4}}, plate3{{3, 2, 2}, {4, 7, 6}}, plate5{{5, 2, 2}, {6, 7, 6}};
  struct Row {
    const char* name;
    Box reference, prediction;
  };
  const std::vector<Row> rows{{"single voxel vs same", voxel, voxel},
                              {"single voxel vs neighbour x", voxel, {{3, 3, 4}, {4, 4, 5}}},
                              {"single voxel vs diagonal, aniso", voxel, {{4, 4, 4}, {5, 5, 5}}},
                              {"plate z3 vs plate z5, aniso", plate3, plate5},
                              {"plate vs empty prediction", plate3, none},
                              {"empty gt vs plate", none, plate3},
                              {"both empty", none, none}};
  for (const auto& row : rows) {
    const auto xyz = golden.at(row.name)["spacing_xyz"].get<std::vector<double>>();
    MaskPair masks = masks_of(size, {xyz[2], xyz[1], xyz[0]});
    fill(masks.reference, size, row.reference.from, row.reference.to);
    fill(masks.prediction, size, row.prediction.from, row.prediction.to);
    expect_golden(masks, golden.at(row.name));
  }
  MaskPair full = masks_of({8, 7, 6}, {2, 1.5, 1});
  full.reference.assign(full.reference.size(), 1);
  full.prediction = full.reference;
  full.prediction[0] = 0;
  expect_golden(full, golden.at("full volume vs full volume minus corner"));
}

TEST(SurfaceDistances, OfAPictureAreOutlines) {
  MaskPair masks = masks_of({1, 12, 12}, {999, 0.5, 0.5});
  fill(masks.reference, masks.size, {0, 2, 2}, {1, 10, 10});   // a square of 8 pixels
  fill(masks.prediction, masks.size, {0, 2, 2}, {1, 10, 11});  // one column more
  masks.picture = true;
  const auto distances = surface_distances(masks);
  double length = 0;
  for (const auto& surfel : distances.from_reference) length += surfel.area;
  // 7 steps of half a millimetre along every side, and half a diagonal at every corner.
  EXPECT_NEAR(length, 0.5 * (4 * 7 + 4 * std::sqrt(0.5)), 1e-12);
  EXPECT_EQ(hausdorff_distance(distances, 1), 0.5);
  // Only the right sides are apart: 7 steps each, and the corners of the wider one.
  const double moved = 7 + 7 + 2 * std::sqrt(0.5), total = 4 * 7 + 2 * (7 + 8) + 8 * std::sqrt(0.5);
  EXPECT_NEAR(surface_dice(distances, 0.4), 1 - moved / total, 1e-12);
  EXPECT_EQ(surface_dice(distances, 0.5), 1.0);
}

TEST(SurfaceDistances, EqualThePlainDefinition) {
  Rng rng(11);
  MaskPair masks = masks_of({4, 6, 7}, {3, 0.7, 1.1});
  for (auto& value : masks.reference) value = rng.chance(0.3);
  for (auto& value : masks.prediction) value = rng.chance(0.1);
  const auto distances = surface_distances(masks);
  // Every code of 2x2x2 voxels that is neither empty nor full, at its place in mm.
  const auto places = [&](const std::vector<std::uint8_t>& mask) {
    std::vector<Vec3> found;
    for (std::int64_t z = 0; z <= 4; ++z) {
      for (std::int64_t y = 0; y <= 6; ++y) {
        for (std::int64_t x = 0; x <= 7; ++x) {
          int inside = 0;
          for (std::int64_t k = 0; k < 8; ++k) {
            const std::int64_t cz = z - (k >> 2), cy = y - (k >> 1 & 1), cx = x - (k & 1);
            inside += cz >= 0 && cy >= 0 && cx >= 0 && cz < 4 && cy < 6 && cx < 7 &&
                      mask[static_cast<std::size_t>((cz * 6 + cy) * 7 + cx)] != 0;
          }
          if (inside % 8 != 0)
            found.push_back(
                {3.0 * static_cast<double>(z), 0.7 * static_cast<double>(y), 1.1 * static_cast<double>(x)});
        }
      }
    }
    return found;
  };
  const auto from = places(masks.reference), to = places(masks.prediction);
  ASSERT_EQ(distances.from_reference.size(), from.size());
  for (std::size_t i = 0; i < from.size(); ++i) {
    double nearest = kInfinity;
    for (const auto& other : to)
      nearest =
          std::min(nearest, std::hypot(from[i][0] - other[0], from[i][1] - other[1], from[i][2] - other[2]));
    EXPECT_NEAR(distances.from_reference[i].distance, nearest, 1e-12);
  }
}

TEST(SurfaceDistances, RefuseOtherSizes) {
  MaskPair masks = masks_of({2, 2, 2}, {1, 1, 1});
  masks.prediction.pop_back();
  EXPECT_THAT(testing::error_of([&] { surface_distances(masks); }),
              ::testing::HasSubstr("8 voxels, got 8 and 7"));
  masks.prediction = masks.reference;
  masks.picture = true;
  EXPECT_THAT(testing::error_of([&] { surface_distances(masks); }),
              ::testing::HasSubstr("a picture, got 2 slices"));
}

}  // namespace
}  // namespace seg
