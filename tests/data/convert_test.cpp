#include "data/convert.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "base/json.h"
#include "data/dataset.h"
#include "image/image_io.h"
#include "support/errors.h"
#include "support/folder.h"
#include "support/goldens.h"

namespace seg {
namespace {

using ::testing::AllOf;
using testing::error_of;
using ::testing::HasSubstr;
using testing::shared_folder;
using testing::TemporaryFolder;

Labels picture(const std::vector<std::vector<std::int32_t>>& rows) {
  Labels labels({1, 1, std::ssize(rows), std::ssize(rows[0])});
  for (std::size_t i = 0; i < labels.data.size(); ++i)
    labels.data[i] = rows[i / rows[0].size()][i % rows[0].size()];
  return labels;
}

TEST(ThreeClassLabels, InnerBoundaryByHand) {
  const Labels cells = picture({{1, 1, 1, 2, 2, 0},  //
                                {1, 1, 1, 2, 2, 0},
                                {1, 1, 1, 0, 0, 0},
                                {0, 0, 0, 0, 7, 0}});
  EXPECT_EQ(three_class_labels(cells, BoundaryRule::inner), picture({{1, 1, 2, 2, 2, 0},  //
                                                                     {1, 1, 2, 2, 2, 0},
                                                                     {2, 2, 2, 0, 0, 0},
                                                                     {0, 0, 0, 0, 2, 0}}));
}

TEST(ThreeClassLabels, ChallengeRuleGrowsTheBoundaryAndDropsCrumbs) {
  Labels cells({1, 1, 12, 12});
  for (std::int64_t y = 2; y < 10; ++y)
    for (std::int64_t x = 2; x < 10; ++x) cells.at(0, 0, y, x) = 1;
  const Labels labels = three_class_labels(cells, BoundaryRule::challenge);
  EXPECT_EQ(labels.at(0, 0, 1, 5), 2);  // outside the cell
  EXPECT_EQ(labels.at(0, 0, 3, 5), 2);  // one pixel further in
  EXPECT_EQ(labels.at(0, 0, 1, 1), 0);  // the disk has no corners
  EXPECT_EQ(std::count(labels.data.begin(), labels.data.end(), 1), 16);
  for (std::int64_t y = 0; y < 12; ++y) cells.at(0, 0, y, 9) = 0;  // 12 interior pixels are too few
  const Labels small = three_class_labels(cells, BoundaryRule::challenge);
  EXPECT_EQ(std::count(small.data.begin(), small.data.end(), 1), 0);
  EXPECT_EQ(small.at(0, 0, 5, 5), 0);
}

struct Golden {
  BoundaryRule rule;
  const char* folder;
  const char* counts;
};
class BoundaryGolden : public ::testing::TestWithParam<Golden> {};

TEST_P(BoundaryGolden, EqualsTheReference) {
  SEG_REQUIRE_SHARED("goldens/pipeline/nuclei");
  SEG_REQUIRE_SHARED("data/nuclei_raw");
  const fs::path goldens = shared_folder() / "goldens/pipeline/nuclei";
  const Json cases = read_json(goldens / "cases.json");
  for (const auto& [id, expected] : cases.items()) {
    SCOPED_TRACE(id);
    const auto instances =
        read_labels(shared_folder() / "data/nuclei_raw/train/labels" / (id + "_label.tiff"));
    std::set<std::int32_t> numbers(instances.voxels.data.begin(), instances.voxels.data.end());
    numbers.erase(0);
    EXPECT_EQ(static_cast<int>(numbers.size()), expected["instances"].get<int>());
    const Labels labels = three_class_labels(instances.voxels, GetParam().rule);
    EXPECT_EQ(labels, read_labels(goldens / GetParam().folder / (id + ".png")).voxels);
    for (int value = 0; value < 3; ++value)
      EXPECT_EQ(std::count(labels.data.begin(), labels.data.end(), value),
                expected[GetParam().counts][static_cast<std::size_t>(value)].get<std::int64_t>());
  }
}
INSTANTIATE_TEST_SUITE_P(
    Rules, BoundaryGolden,
    ::testing::Values(Golden{BoundaryRule::inner, "labels_inner_only", "inner_only_counts"},
                      Golden{BoundaryRule::challenge, "labels_challenge_rule", "challenge_rule_counts"}));

/// A small download: one grey and one colour image, and a test image.
class Convert : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* part : {"train/images", "train/labels", "test/images", "test/labels"})
      make_folder(in_ / part);
    Labels cells({1, 1, 12, 14});
    for (std::int64_t y = 3; y < 9; ++y) cells.at(0, 0, y, 5) = cells.at(0, 0, y, 6) = 300;
    write_rgb_png(in_ / "train/images/colour.png", colour_);
    write_labels(in_ / "train/images/grey.bmp", Labels({1, 1, 12, 14}, 77), {});
    write_rgb_png(in_ / "test/images/t.png", colour_);
    for (const char* label : {"train/labels/colour", "train/labels/grey", "test/labels/t"})
      write_labels(in_ / (std::string(label) + "_label.tiff"), cells, {});
    cells_ = cells;
  }
  ConvertedDataset convert() {
    return convert_neurips_cell(in_, folder_ / "raw", "Dataset703_NeurIPSCell", BoundaryRule::inner);
  }

  TemporaryFolder folder_;
  fs::path in_ = folder_ / "in";
  Image colour_{Shape4{3, 1, 12, 14}, 40.0F};
  Labels cells_;
};

TEST_F(Convert, MakesADatasetThatOpens) {
  colour_.channel(2)[5] = 200;
  write_rgb_png(in_ / "train/images/colour.png", colour_);
  const ConvertedDataset made = convert();
  EXPECT_EQ(made.training, 2);
  EXPECT_EQ(made.test, 1);
  const Dataset dataset = open_dataset(made.root);
  ASSERT_EQ(dataset.training.size(), 2u);
  EXPECT_EQ(read_channels(dataset.training[0].images).voxels, colour_);
  EXPECT_EQ(read_channels(dataset.training[1].images).voxels, Image({3, 1, 12, 14}, 77));
  EXPECT_EQ(read_labels(dataset.training[0].label).voxels, three_class_labels(cells_, BoundaryRule::inner));
  EXPECT_EQ(read_labels(made.root / "instancesTs/t_label.tiff").voxels, cells_);
  EXPECT_EQ(list_cases(made.root / "imagesTs", 3, ".png").size(), 1u);
  EXPECT_THAT(error_of([&] { convert(); }), HasSubstr("exists already"));
}

TEST_F(Convert, SixteenBitsAreRescaled) {
  Labels deep({1, 1, 12, 14}, 1000);
  deep.data[3] = 5000;
  deep.data[4] = deep.data[5] = 3000;
  fs::remove(in_ / "train/images/grey.bmp");
  write_labels(in_ / "train/images/grey.png", deep, {});
  const Image image = read_image(convert().root / "imagesTr/grey_0000.png").voxels;
  EXPECT_EQ(image.data[0], 0);
  EXPECT_EQ(image.data[3], 255);
  EXPECT_NEAR(image.data[4], 255, 1);  // the 99.9 % quantile of so few pixels is the second largest value
}

TEST_F(Convert, UnpairedFilesAreNamed) {
  fs::remove(in_ / "train/labels/grey_label.tiff");
  EXPECT_THAT(error_of([&] { convert(); }), AllOf(HasSubstr("without a label"), HasSubstr("grey.bmp")));
  write_labels(in_ / "train/labels/grey_label.tiff", cells_, {});
  fs::remove(in_ / "test/images/t.png");
  EXPECT_THAT(error_of([&] { convert(); }), AllOf(HasSubstr("without an image"), HasSubstr("t_label.tiff")));
  fs::remove(in_ / "test/labels/t_label.tiff");
  EXPECT_THAT(error_of([&] { convert(); }), HasSubstr("no images found"));
  EXPECT_FALSE(fs::exists(folder_ / "raw"));
}

TEST_F(Convert, MistakesInTheCallAreNamed) {
  EXPECT_THAT(error_of([&] { convert_neurips_cell(in_, folder_ / "raw", "cells", BoundaryRule::inner); }),
              HasSubstr("Dataset703_"));
  EXPECT_THAT(error_of([&] {
                convert_neurips_cell(folder_ / "none", folder_ / "raw", "Dataset703_A", BoundaryRule::inner);
              }),
              HasSubstr("none does not exist"));
  write_labels(in_ / "train/labels/grey_label.tiff", Labels({1, 1, 3, 3}, 1), {});
  EXPECT_THAT(error_of([&] { convert(); }), AllOf(HasSubstr("grey.bmp"), HasSubstr("differ in size")));
}

}  // namespace
}  // namespace seg
