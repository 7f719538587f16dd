// Where patches are cut: the rules against the goldens, the draws by their frequencies.
#include "data/patch_sampler.h"

#include <array>
#include <map>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "support/errors.h"
#include "support/folder.h"
#include "support/goldens.h"
#include "support/stored_case.h"
#include "support/tolerances.h"

namespace seg {
namespace {

using ::testing::HasSubstr;

const fs::path kTraining = "goldens/pipeline/training";

Json golden(const char* name) {
  return read_json(testing::shared_folder() / kTraining / name);
}

Size2 size_of(const Json& json) {
  return {json[0].get<std::int64_t>(), json[1].get<std::int64_t>()};
}

TEST(PatchSampler, InitialPatchEqualsGoldens) {
  SEG_REQUIRE_SHARED(kTraining);
  for (const auto& row : golden("initial_patch_size.json")) {
    const Size2 patch = size_of(row["patch_size"]);
    EXPECT_EQ(initial_patch_size(patch), size_of(row["initial_patch_size"])) << patch[0] << "x" << patch[1];
    EXPECT_NEAR(rotation_limit(patch) / std::numbers::pi * 180, row["rotation_deg"].get<double>(), 1e-9);
  }
}

TEST(PatchSampler, ForcesForegroundAsGoldens) {
  SEG_REQUIRE_SHARED(kTraining);
  const Json rows = golden("sampling.json");
  for (const auto& [share, sizes] : rows["oversampling"].items()) {
    for (const auto& [size, row] : sizes.items()) {
      int forced = 0;
      std::int64_t first = -1;
      for (std::int64_t j = std::stoll(size) - 1; j >= 0; --j) {
        if (!is_foreground_forced(j, std::stoll(size), std::stod(share))) continue;
        ++forced;
        first = j;
      }
      EXPECT_EQ(forced, row["forced_fg"].get<int>()) << share << " of " << size;
      EXPECT_EQ(first,
                row["first_forced_index"].is_null() ? -1 : row["first_forced_index"].get<std::int64_t>());
    }
  }
}

TEST(PatchSampler, CropBoundsEqualGoldens) {
  SEG_REQUIRE_SHARED(kTraining);
  const Json rows = golden("sampling.json");
  ASSERT_GE(rows["bbox"].size(), 10u);
  for (const auto& row : rows["bbox"]) {
    for (std::size_t axis = 0; axis < 2; ++axis) {
      const auto crop = size_of(row["patch_size"])[axis];
      const auto range =
          corner_range(size_of(row["data_shape"])[axis], crop, size_of(row["final_patch_size"])[axis]);
      EXPECT_EQ(range.low, size_of(row["lbs"])[axis]) << row.dump();
      EXPECT_EQ(range.high, size_of(row["ubs_inclusive"])[axis]) << row.dump();
      for (const auto& forced : row["forced"]) {
        EXPECT_EQ(corner_around(size_of(forced["voxel"])[axis], crop, range),
                  size_of(forced["bbox_lbs"])[axis]);
      }
    }
  }
}

/// 3 slices of 8x6; class 1 has one voxel in slice 0 and three in slice 2, class 2 one in slice 1.
Labels three_slices() {
  Labels seg(Shape4{1, 3, 8, 6});
  seg.at(0, 0, 7, 5) = 1;
  for (const std::int64_t x : {1, 2, 3}) seg.at(0, 2, 4, x) = 1;
  seg.at(0, 1, 0, 0) = 2;
  return seg;
}

DatasetInfo two_classes() {
  DatasetInfo info;
  info.labels = {{"background", {0}}, {"one", {1}}, {"two", {2}}};
  return info;
}

TEST(PatchSampler, ForcedPatchesFollowClassesAndVoxels) {
  const testing::TemporaryFolder folder;
  testing::store(folder.path(), "a", testing::numbered_image(1, three_slices().shape), three_slices(),
                 two_classes());
  const StoredCase stored(folder.path(), "a");
  const CaseEntry entry = read_case_entry(folder.path(), "a", two_classes());
  ASSERT_EQ(entry.classes.size(), 2u);

  constexpr int kDraws = 4000;
  std::array<int, 3> slices{};
  std::map<std::int64_t, int> x_in_last_slice;
  for (std::uint64_t i = 0; i < kDraws; ++i) {
    Rng rng(4, i);
    const auto position = draw_position(stored, entry, true, {1, 1}, {1, 1}, rng);
    ++slices[static_cast<std::size_t>(position.z)];
    if (position.z == 2) {
      EXPECT_EQ(position.y, 4);
      ++x_in_last_slice[position.x];
    }
  }
  // Classes are equally likely; within class 1 slice 2 has three of the four voxels.
  EXPECT_NEAR(slices[1] / double(kDraws), 0.5, testing::kDrawnShare);
  EXPECT_NEAR(slices[0] / double(kDraws), 0.125, testing::kDrawnShare);
  EXPECT_NEAR(slices[2] / double(kDraws), 0.375, testing::kDrawnShare);
  ASSERT_EQ(x_in_last_slice.size(), 3u);
  for (const auto& [x, count] : x_in_last_slice) {
    EXPECT_NEAR(count / double(slices[2]), 1.0 / 3, testing::kDrawnShare) << x;
  }
}

TEST(PatchSampler, FreePatchesCoverTheWholeRange) {
  const testing::TemporaryFolder folder;
  const Labels seg(Shape4{1, 3, 8, 6});
  testing::store(folder.path(), "a", testing::numbered_image(1, seg.shape), seg, two_classes());
  const StoredCase stored(folder.path(), "a");
  const CaseEntry entry = read_case_entry(folder.path(), "a", two_classes());
  for (const bool forced : {false, true}) {  // a case without foreground is cropped anywhere
    std::map<std::array<std::int64_t, 3>, int> seen;
    for (std::uint64_t i = 0; i < 4000; ++i) {
      Rng rng(4, i);
      const auto position = draw_position(stored, entry, forced, {6, 4}, {4, 4}, rng);
      ++seen[{position.z, position.y, position.x}];
    }
    // y: -1 ... 3, x: 0 ... 2
    EXPECT_EQ(seen.size(), 3u * 5 * 3);
    EXPECT_EQ(seen.begin()->first, (std::array<std::int64_t, 3>{0, -1, 0}));
    EXPECT_EQ(seen.rbegin()->first, (std::array<std::int64_t, 3>{2, 3, 2}));
  }
}

TEST(PatchSampler, WithAnIgnoreLabelFreePatchesShowLabelledVoxels) {
  const testing::TemporaryFolder folder;
  DatasetInfo info = two_classes();
  info.labels.push_back({"ignore", {3}});
  Labels seg(Shape4{1, 2, 8, 6}, 3);
  seg.at(0, 1, 5, 4) = 0;
  testing::store(folder.path(), "a", testing::numbered_image(1, seg.shape), seg, info);
  const StoredCase stored(folder.path(), "a");
  const CaseEntry entry = read_case_entry(folder.path(), "a", info);
  for (std::uint64_t i = 0; i < 50; ++i) {
    Rng rng(4, i);
    const auto position = draw_position(stored, entry, i % 2 == 0, {3, 3}, {3, 3}, rng);
    EXPECT_EQ(position.z, 1);
    EXPECT_EQ(position.y, 4);
    EXPECT_EQ(position.x, 3);
  }
}

TEST(PatchSampler, CutsAcrossEveryBorder) {
  const testing::TemporaryFolder folder;
  const Shape4 shape{2, 2, 4, 3};
  const Image image = testing::numbered_image(2, {1, 2, 4, 3});
  Labels seg(Shape4{1, 2, 4, 3});
  std::iota(seg.data.begin(), seg.data.end(), 0);
  testing::store(folder.path(), "a", image, seg, DatasetInfo{});
  const StoredCase stored(folder.path(), "a");
  for (const auto& position :
       {PatchPosition{0, 0, 0}, {1, -2, -1}, {1, 2, 2}, {0, -1, 1}, {0, 9, 0}, {0, 0, -9}}) {
    const Patch patch = cut_patch(stored, position, {5, 4});
    for (std::int64_t i = 0; i < patch.pixels(); ++i) {
      const std::int64_t y = position.y + i / 4, x = position.x + i % 4;
      const bool inside = y >= 0 && y < shape[2] && x >= 0 && x < shape[3];
      EXPECT_EQ(patch.seg[static_cast<std::size_t>(i)], inside ? seg.at(0, position.z, y, x) : -1);
      for (std::int64_t c = 0; c < 2; ++c) {
        EXPECT_EQ(patch.plane(c)[static_cast<std::size_t>(i)], inside ? image.at(c, position.z, y, x) : 0.0f);
      }
    }
  }
}

TEST(PatchSampler, NamesTheFileThatDoesNotFit) {
  const testing::TemporaryFolder folder;
  const Labels seg = three_slices();
  testing::store(folder.path(), "a", testing::numbered_image(1, seg.shape), seg, two_classes());
  const std::int64_t wrong[] = {1, 1, 1, 1};
  write_npy<std::int16_t>(folder.path() / "a_seg.npy", wrong, std::vector<std::int16_t>{0});
  EXPECT_THAT(testing::error_of([&] { StoredCase(folder.path(), "a"); }), HasSubstr("a_seg.npy"));
}

TEST(PatchSampler, RejectsClassesAndCountsThatDoNotFit) {
  const testing::TemporaryFolder folder;
  const Labels seg = three_slices();
  testing::store(folder.path(), "a", testing::numbered_image(1, seg.shape), seg, two_classes());
  EXPECT_THAT(testing::error_of([&] { read_case_entry(folder.path(), "a", DatasetInfo{}); }),
              HasSubstr("class \"1\" is not in dataset.json"));
  write_json(folder.path() / "a.json", {{"class_locations", {{"1", 4}}}});
  EXPECT_THAT(testing::error_of([&] { read_case_entry(folder.path(), "a", two_classes()); }),
              HasSubstr("count 4 voxels"));
}

}  // namespace
}  // namespace seg
