#include "data/convert.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>
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

class ConvertVolumes : public ::testing::Test {
 protected:
  void volume(const std::string& name, const Image& image) {
    make_folder((folder_ / name).parent_path());
    write_image(folder_ / name, image, {});
  }
  void label(const std::string& name, const Labels& labels) {
    make_folder((folder_ / name).parent_path());
    write_labels(folder_ / name, labels, {});
  }
  fs::path raw() const { return folder_ / "raw"; }

  TemporaryFolder folder_;
};

TEST_F(ConvertVolumes, MsdChannelsAreSplit) {
  std::string nifti(352, '\0');  // two channels of 2 x 2 x 3 voxels of one byte
  const auto put = [&](std::size_t at, int value) {
    nifti[at] = static_cast<char>(value & 255);
    nifti[at + 1] = static_cast<char>(value >> 8);
  };
  const std::array<int, 6> sizes{4, 3, 2, 2, 2, 1};
  for (std::size_t i = 0; i < sizes.size(); ++i) put(40 + 2 * i, sizes[i]);
  for (std::size_t i = 1; i < 5; ++i) put(76 + 4 * i + 2, 0x3F80);  // spacing 1
  put(0, 348), put(70, 2), put(72, 8), put(110, 0x43B0);            // voxels start at byte 352
  nifti.replace(344, 3, "n+1");
  for (char i = 1; i <= 24; ++i) nifti += i;
  make_folder(folder_ / "Task07_Two/imagesTr");
  write_text(folder_ / "Task07_Two/imagesTr/two_1.nii.gz", nifti);  // gzip readers take plain files too
  label("Task07_Two/labelsTr/two_1.nii.gz", Labels({1, 2, 2, 3}, 1));
  write_text(folder_ / "Task07_Two/dataset.json",
             R"({"modality": {"0": "MRI", "1": "PET"}, "labels": {"0": "background", "1": "cyst"},
                 "training": [{"image": "./imagesTr/two_1.nii.gz", "label": "./labelsTr/two_1.nii.gz"}]})");
  const Dataset dataset = open_dataset(convert_msd(folder_ / "Task07_Two", raw(), "Dataset107_Two").root);
  ASSERT_EQ(dataset.training.at(0).images.size(), 2u);
  for (std::size_t channel = 0; channel < 2; ++channel) {
    Image expected({1, 2, 2, 3});
    std::iota(expected.data.begin(), expected.data.end(), 1.0F + 12 * static_cast<float>(channel));
    EXPECT_EQ(read_image(dataset.training[0].images[channel]).voxels, expected);
  }
}

TEST_F(ConvertVolumes, MsdTaskBecomesADataset) {
  volume("Task07_Tiny/imagesTr/tiny_1.nii.gz", Image({1, 2, 3, 4}, 5));
  volume("Task07_Tiny/imagesTs/tiny_2.nii.gz", Image({1, 2, 3, 4}, 6));
  label("Task07_Tiny/labelsTr/tiny_1.nii.gz", Labels({1, 2, 3, 4}, 1));
  const fs::path json = folder_ / "Task07_Tiny/dataset.json";
  write_text(json, R"({"name": "Tiny", "modality": {"0": "MRI"}, "labels": {"0": "background", "1": "cyst"},
    "training": [{"image": "./imagesTr/tiny_1.nii.gz", "label": "./labelsTr/tiny_1.nii.gz"}],
    "test": ["./imagesTs/tiny_2.nii.gz"]})");
  const ConvertedDataset made = convert_msd(folder_ / "Task07_Tiny/", raw(), "");
  EXPECT_EQ(made.root, raw() / "Dataset007_Tiny");
  EXPECT_EQ(made.test, 1);
  const Dataset dataset = open_dataset(made.root);
  EXPECT_EQ(dataset.info.foreground().at(0).name, "cyst");
  EXPECT_EQ(read_channels(dataset.training.at(0).images).voxels, Image({1, 2, 3, 4}, 5));
  EXPECT_EQ(list_cases(made.root / "imagesTs", 1, ".nii.gz").at(0).id, "tiny_2");
  EXPECT_THAT(error_of([&] { convert_msd(folder_ / "Task07_Tiny", raw(), ""); }),
              HasSubstr("exists already"));

  Json broken = read_json(json);
  broken["modality"]["1"] = "PET";
  write_json(json, broken);
  EXPECT_THAT(error_of([&] { convert_msd(folder_ / "Task07_Tiny", raw(), "Dataset008_Two"); }),
              AllOf(HasSubstr("tiny_"), HasSubstr("expected 2 channels"), HasSubstr("got 1")));
  fs::remove(folder_ / "Task07_Tiny/labelsTr/tiny_1.nii.gz");
  EXPECT_THAT(error_of([&] { convert_msd(folder_ / "Task07_Tiny", raw(), "Dataset008_Two"); }),
              HasSubstr("tiny_1.nii.gz is missing"));
  fs::rename(folder_ / "Task07_Tiny", folder_ / "tiny");
  EXPECT_THAT(error_of([&] { convert_msd(folder_ / "tiny", raw(), ""); }),
              HasSubstr("such as Task04_Hippocampus"));
}

TEST_F(ConvertVolumes, AmosKeepsMrAndThirteenOrgans) {
  Labels organs({1, 2, 2, 4});
  for (std::size_t i = 0; i < 16; ++i) organs.data[i] = static_cast<int>(i);
  for (const char* image : {"Tr/amos_0001", "Tr/amos_0500", "Tr/amos_0507", "Va/amos_0590", "Ts/amos_0600"})
    volume("amos22/images" + std::string(image) + ".nii.gz", Image({1, 2, 2, 4}, 3));
  for (const char* name : {"Tr/amos_0001", "Tr/amos_0507", "Va/amos_0590"})
    label("amos22/labels" + std::string(name) + ".nii.gz", organs);
  const ConvertedDataset made = convert_amos_mr(folder_ / "amos22", raw(), "Dataset702_AbdomenMR");
  EXPECT_EQ(made.training, 2);
  EXPECT_EQ(made.test, 1);
  const Dataset dataset = open_dataset(made.root);
  ASSERT_EQ(dataset.training.size(), 2u);
  EXPECT_EQ(dataset.training[0].id, "amos_0507");
  EXPECT_EQ(dataset.info.output_channels(), 14);
  // By AMOS value: spleen, right and left kidney, gallbladder, esophagus, liver, stomach, aorta, vena cava,
  // pancreas, right and left adrenal gland, duodenum, bladder, prostate.
  EXPECT_THAT(read_labels(dataset.training[1].label).voxels.data,
              ::testing::ElementsAre(0, 3, 2, 13, 9, 10, 1, 11, 5, 6, 4, 7, 8, 12, 0, 0));
  EXPECT_EQ(dataset.info.labels.at(6).name, "inferior vena cava");
  EXPECT_THAT(error_of([&] { convert_amos_mr(folder_ / "none", raw(), "Dataset705_A"); }),
              HasSubstr("no labelled MR scan"));
}

TEST_F(ConvertVolumes, EndovisFramesAreCutAndTyped) {
  const auto frame = [&](const std::string& video, const Image& image) {
    make_folder(folder_ / video / "left_frames");
    write_rgb_png(folder_ / video / "left_frames/frame000.png", image);
  };
  Image image({3, 1, 1080, 1920}, 10);
  image.at(0, 0, 28, 320) = 200;     // the first pixel of the camera
  image.at(2, 0, 1051, 1599) = 100;  // the last
  image.at(1, 0, 27, 320) = 50;      // outside
  Labels left({1, 1, 1080, 1920}), right = left, types({1, 1, 1024, 1280});
  left.at(0, 0, 28, 320) = 10;
  left.at(0, 0, 100, 400) = 30;
  right.at(0, 0, 1051, 1599) = 20;
  types.at(0, 0, 3, 4) = 7;
  frame("train/instrument_dataset_1", image);
  label("train/instrument_dataset_1/ground_truth/Left_Prograsp_Forceps_labels/frame000.png", left);
  label("train/instrument_dataset_1/ground_truth/Maryland_Bipolar_Forceps_labels/frame000.png", right);
  frame("test/instrument_dataset_1", Image({3, 1, 1024, 1280}, 10));
  label("test/instrument_dataset_1/ground_truth/TypeSegmentation/frame000.png", types);
  const auto convert = [&] { return convert_endovis17(folder_.path(), raw(), "Dataset704_Endovis17"); };
  const ConvertedDataset made = convert();
  EXPECT_EQ(made.training, 1);
  EXPECT_EQ(made.test, 1);
  const Dataset dataset = open_dataset(made.root);
  const Image cut = read_channels(dataset.training.at(0).images).voxels;
  ASSERT_EQ(cut.shape, (Shape4{3, 1, 1024, 1280}));
  EXPECT_EQ(cut.at(0, 0, 0, 0), 200);
  EXPECT_EQ(cut.at(2, 0, 1023, 1279), 100);
  EXPECT_EQ(std::count(cut.data.begin(), cut.data.end(), 10), std::ssize(cut.data) - 2);
  Labels expected({1, 1, 1024, 1280});
  expected.at(0, 0, 0, 0) = expected.at(0, 0, 72, 80) = 2;
  expected.at(0, 0, 1023, 1279) = 1;
  EXPECT_EQ(read_labels(dataset.training.at(0).label).voxels, expected);
  EXPECT_EQ(read_labels(made.root / "labelsTs/test_1_frame000.png").voxels, types);
  fs::remove_all(raw());
  make_folder(folder_ / "train/instrument_dataset_1/ground_truth/Scissors_labels");
  EXPECT_THAT(error_of(convert),
              AllOf(HasSubstr("Scissors_labels: unknown instrument"), HasSubstr("Vessel_Sealer")));
  fs::remove_all(folder_ / "train/instrument_dataset_1/ground_truth");
  EXPECT_THAT(error_of(convert), HasSubstr("ground_truth is missing"));
}

}  // namespace
}  // namespace seg
