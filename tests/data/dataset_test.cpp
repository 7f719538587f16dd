#include "data/dataset.h"

#include <gmock/gmock.h>

#include "base/json.h"
#include "support/errors.h"
#include "support/folder.h"
#include "support/goldens.h"

namespace seg {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

const char* const kPlain = R"({
  "channel_names": {"0": "CT", "1": "PET"},
  "labels": {"background": 0, "tumour": 2, "organ": 1},
  "numTraining": 2, "file_ending": ".nii.gz", "licence": "any"})";

const char* const kRegions = R"({
  "channel_names": {"0": "MR"},
  "labels": {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "enhancing": 3, "ignore": 4},
  "regions_class_order": [1, 2, 3], "numTraining": 2, "file_ending": ".nii.gz"})";

DatasetInfo parse(const std::string& text) {
  return parse_dataset_info(parse_json(text, "text"), "Dataset001_Test", "dataset.json");
}

/// kPlain with one key replaced (or removed, for an empty value).
std::string error_with(const std::string& key, const std::string& value, const char* base = kPlain) {
  Json json = parse_json(base, "text");
  json.erase(key);
  if (!value.empty()) json[key] = parse_json(value, "value");
  return error_of([&] { parse_dataset_info(json, "Dataset001_Test", "dataset.json"); });
}

TEST(DatasetInfo, Classes) {
  const DatasetInfo info = parse(kPlain);
  EXPECT_THAT(info.channel_names, ElementsAre("CT", "PET"));
  EXPECT_FALSE(info.has_regions());
  EXPECT_FALSE(info.ignore_label());
  EXPECT_EQ(info.output_channels(), 3);
  const auto foreground = info.foreground();
  ASSERT_EQ(foreground.size(), 2u);
  EXPECT_EQ(foreground[0].name, "organ");  // by value, not as written
  EXPECT_EQ(foreground[1].name, "tumour");
  EXPECT_EQ(info.num_training, 2);
}

TEST(DatasetInfo, RegionsAndIgnore) {
  const DatasetInfo info = parse(kRegions);
  EXPECT_TRUE(info.has_regions());
  EXPECT_EQ(info.ignore_label(), 4);
  EXPECT_EQ(info.output_channels(), 3);
  const auto foreground = info.foreground();
  ASSERT_EQ(foreground.size(), 3u);
  EXPECT_THAT(foreground[0].values, ElementsAre(1, 2, 3));
  EXPECT_THAT(foreground[2].values, ElementsAre(3));
  EXPECT_THAT(info.regions_class_order, ElementsAre(1, 2, 3));
}

TEST(DatasetInfo, AnOrderOfRegionsWithoutRegionsIsIgnored) {
  Json json = parse_json(kPlain, "text");
  json["regions_class_order"] = {1, 2, 7, 8, 9};
  const DatasetInfo info = parse_dataset_info(json, "Dataset001_Test", "dataset.json");
  EXPECT_TRUE(info.regions_class_order.empty());
  EXPECT_EQ(info.output_channels(), 3);
}

TEST(DatasetInfo, EveryMistakeIsSaidInWords) {
  EXPECT_THAT(error_with("labels", ""),
              AllOf(HasSubstr("dataset.json >"), HasSubstr("\"labels\" is missing")));
  EXPECT_THAT(error_with("labels", R"(["background", "organ"])"), HasSubstr("expected an object, got array"));
  EXPECT_THAT(error_with("labels", R"({"0": "background", "1": "organ"})"),
              AllOf(HasSubstr("whole number"), HasSubstr("the name comes first")));
  EXPECT_THAT(error_with("labels", R"({"background": 0, "organ": 1.5})"), HasSubstr("1.5"));
  EXPECT_THAT(error_with("labels", R"({"background": 0, "organ": 1, "tumour": 3})"),
              AllOf(HasSubstr("consecutive values 0 to 2"), HasSubstr("0, 1, 3")));
  EXPECT_THAT(error_with("labels", R"({"organ": 0, "tumour": 1})"), HasSubstr("\"background\""));
  EXPECT_THAT(error_with("labels", R"({"background": 1, "organ": 0})"), HasSubstr("\"background\""));
  EXPECT_THAT(error_with("labels", R"({"background": 0, "a": 1, "b": 1})"), HasSubstr("used twice"));
  EXPECT_THAT(error_with("labels", R"({"background": 0, "ignore": 1, "a": 2})"),
              AllOf(HasSubstr("ignore"), HasSubstr("highest")));
  EXPECT_THAT(error_with("labels", R"({"background": 0, "a": []})"), HasSubstr("empty"));
  EXPECT_THAT(error_with("channel_names", R"({"CT": 0})"), HasSubstr("the index comes first"));
  EXPECT_THAT(error_with("channel_names", R"({"0": "CT", "2": "PET"})"), HasSubstr("0 to 1"));
  EXPECT_THAT(error_with("channel_names", "[]"), HasSubstr("object"));
  EXPECT_THAT(error_with("file_ending", "\".nii.gzz\""),
              AllOf(HasSubstr(".nii.gzz"), HasSubstr("did you mean"), HasSubstr(".nii.gz")));
  EXPECT_THAT(error_with("file_ending", "7"), HasSubstr("file_ending"));
  EXPECT_THAT(error_with("numTraining", "\"2\""), HasSubstr("numTraining"));
  EXPECT_THAT(error_with("regions_class_order", "", kRegions),
              AllOf(HasSubstr("regions_class_order"), HasSubstr("expected 3"), HasSubstr("got 0")));
}

TEST(DatasetInfo, OldAndMisspeltKeysGetAHint) {
  EXPECT_THAT(error_of([] { parse(R"({"modality": {"0": "CT"}, "labels": {"0": "background"}})"); }),
              AllOf(HasSubstr("channel_names"), HasSubstr("old nnU-Net format")));
  EXPECT_THAT(error_of([] {
                parse(R"({"channel_names": {"0": "CT"}, "labels": {"background": 0}, "numTraining": 1,
                          "file_endings": ".png"})");
              }),
              AllOf(HasSubstr("file_ending"), HasSubstr("is \"file_endings\" meant?")));
}

TEST(DatasetInfo, LabelValuesAreCheckedWithTheirPlace) {
  Labels labels({1, 2, 3, 4}, 2);
  EXPECT_NO_THROW(check_label_values(labels, parse(kPlain), "case.nii.gz"));
  labels.at(0, 1, 0, 3) = 7;
  EXPECT_THAT(error_of([&] { check_label_values(labels, parse(kPlain), "case.nii.gz"); }),
              AllOf(HasSubstr("case.nii.gz"), HasSubstr("value 7"), HasSubstr("z 1, y 0, x 3"),
                    HasSubstr("0, 1, 2")));
  labels.at(0, 1, 0, 3) = 4;
  EXPECT_NO_THROW(check_label_values(labels, parse(kRegions), "case.nii.gz"));  // the ignore label
  labels.at(0, 0, 0, 0) = -1;
  EXPECT_THAT(error_of([&] { check_label_values(labels, parse(kRegions), "case.nii.gz"); }), HasSubstr("-1"));
}

/// A raw dataset whose files are empty: opening it looks at names only.
class OpenDataset : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = folder_ / "Dataset007_Names";
    make_folder(root_ / "imagesTr");
    make_folder(root_ / "labelsTr");
    write_text(root_ / "dataset.json", kPlain);
    for (const std::string id : {"b_2", "a"}) {
      touch("imagesTr/" + id + "_0000.nii.gz");
      touch("imagesTr/" + id + "_0001.nii.gz");
      touch("labelsTr/" + id + ".nii.gz");
    }
    touch("imagesTr/.hidden_0000.nii.gz");
    touch("imagesTr/readme.txt");
  }
  void touch(const std::string& name) { write_text(root_ / name, ""); }

  TemporaryFolder folder_;
  fs::path root_;
};

TEST_F(OpenDataset, ListsCasesSorted) {
  const Dataset dataset = open_dataset(root_ / "");
  EXPECT_EQ(dataset.info.name, "Dataset007_Names");
  ASSERT_EQ(dataset.training.size(), 2u);
  EXPECT_EQ(dataset.training[0].id, "a");
  EXPECT_EQ(dataset.training[1].id, "b_2");
  EXPECT_THAT(dataset.training[1].images, ElementsAre(root_ / "" / "imagesTr" / "b_2_0000.nii.gz",
                                                      root_ / "" / "imagesTr" / "b_2_0001.nii.gz"));
  EXPECT_EQ(dataset.training[1].label.filename(), "b_2.nii.gz");
}

TEST_F(OpenDataset, MissingFilesAreNamed) {
  fs::remove(root_ / "labelsTr/a.nii.gz");
  EXPECT_THAT(error_of([&] { open_dataset(root_); }), HasSubstr((root_ / "labelsTr/a.nii.gz").string()));
  fs::remove(root_ / "imagesTr/b_2_0001.nii.gz");
  EXPECT_THAT(error_of([&] { open_dataset(root_); }),
              AllOf(HasSubstr("case \"b_2\""), HasSubstr("b_2_0001.nii.gz")));
  touch("imagesTr/b_2_0001.nii.gz");
  touch("imagesTr/b_2_0002.nii.gz");
  EXPECT_THAT(error_of([&] { open_dataset(root_); }), AllOf(HasSubstr("3 channel"), HasSubstr("expected 2")));
  fs::remove(root_ / "dataset.json");
  EXPECT_THAT(error_of([&] { open_dataset(root_); }), HasSubstr("dataset.json is missing"));
  EXPECT_THAT(error_of([&] { open_dataset(root_ / "nowhere"); }), HasSubstr("nowhere does not exist"));
}

TEST_F(OpenDataset, FoldersWithoutImagesSayWhatIsThere) {
  EXPECT_THAT(error_of([&] { list_cases(root_ / "imagesTr", 1, ".png"); }),
              AllOf(HasSubstr("no file ends in .png"), HasSubstr("a_0000.nii.gz")));
  EXPECT_THAT(error_of([&] { list_cases(root_ / "labelsTr", 1, ".nii.gz"); }),
              AllOf(HasSubstr("<case>_0000.nii.gz"), HasSubstr("rename a.nii.gz to a_0000.nii.gz")));
}

TEST_F(OpenDataset, OneColourPictureHoldsAllChannels) {
  touch("imagesTr/p_0000.png");
  const auto cases = list_cases(root_ / "imagesTr", 3, ".png");
  ASSERT_EQ(cases.size(), 1u);
  EXPECT_THAT(cases[0].images, ElementsAre(root_ / "imagesTr/p_0000.png"));
  touch("imagesTr/p_0001.png");  // then one file per channel
  EXPECT_THAT(error_of([&] { list_cases(root_ / "imagesTr", 3, ".png"); }), HasSubstr("p_0002.png"));
}

TEST_F(OpenDataset, CasesMayBeListedInTheJson) {
  Json json = parse_json(kPlain, "text");
  json["dataset"]["z"] = {{"images", {"imagesTr/a_0000.nii.gz", "imagesTr/a_0001.nii.gz"}},
                          {"label", "labelsTr/a.nii.gz"}};
  write_json(root_ / "dataset.json", json);
  const Dataset dataset = open_dataset(root_);
  ASSERT_EQ(dataset.training.size(), 1u);
  EXPECT_EQ(dataset.training[0].id, "z");
  json["dataset"]["z"]["label"] = "labelsTr/none.nii.gz";
  write_json(root_ / "dataset.json", json);
  EXPECT_THAT(error_of([&] { open_dataset(root_); }), HasSubstr("none.nii.gz"));
  json["dataset"] = {{"../z", {{"images", {"a"}}, {"label", "b"}}}};
  write_json(root_ / "dataset.json", json);
  EXPECT_THAT(error_of([&] { open_dataset(root_); }), HasSubstr("\"../z\" cannot be a case"));
}

TEST_F(OpenDataset, IsFoundByIdAndName) {
  make_folder(folder_ / "Dataset012_Other");
  make_folder(folder_ / "not_a_dataset");
  for (const char* name : {"7", "007", "Names", "Dataset007_Names"})
    EXPECT_EQ(find_dataset(folder_.path(), name), root_) << name;
  EXPECT_THAT(error_of([&] { find_dataset(folder_.path(), "8"); }),
              AllOf(HasSubstr("\"8\""), HasSubstr("Dataset007_Names, Dataset012_Other")));
  make_folder(folder_ / "Dataset007_Again");
  EXPECT_THAT(error_of([&] { find_dataset(folder_.path(), "7"); }), HasSubstr("ambiguous"));
}

TEST_F(OpenDataset, DicomSeriesAreCases) {
  const auto series = [&](const std::string& name) {
    make_folder(root_ / name);
    write_text(root_ / name / "IM1", std::string(128, ' ') + "DICM");
  };
  series("scans/ann_0000");
  series("scans/ann_0001");
  series("scans/bob_0000");
  make_folder(root_ / "scans/empty");
  EXPECT_THAT(error_of([&] { list_cases(root_ / "scans", 2, ".nii.gz"); }),
              AllOf(HasSubstr("case \"bob\" has 1 DICOM series"), HasSubstr("expected 2")));
  fs::remove_all(root_ / "scans/bob_0000");
  auto cases = list_cases(root_ / "scans", 2, ".nii.gz");
  ASSERT_EQ(cases.size(), 1u);
  EXPECT_EQ(cases[0].id, "ann");
  EXPECT_THAT(cases[0].images, ElementsAre(root_ / "scans/ann_0000", root_ / "scans/ann_0001"));
  cases = list_cases(root_ / "scans/ann_0001/", 1, ".nii.gz");
  ASSERT_EQ(cases.size(), 1u);
  EXPECT_EQ(cases[0].id, "ann_0001");
  EXPECT_THAT(error_of([&] { list_cases(root_ / "scans/ann_0001", 2, ".nii.gz"); }),
              HasSubstr("one DICOM series"));
  series("single/carl");
  EXPECT_EQ(list_cases(root_ / "single", 1, ".nii.gz")[0].id, "carl");
}

TEST_F(OpenDataset, LabelsOfJpegImagesArePng) {
  Json json = parse_json(kPlain, "text");
  json["file_ending"] = ".jpg";
  write_json(root_ / "dataset.json", json);
  touch("imagesTr/c_0000.jpg");
  touch("labelsTr/c.png");
  EXPECT_EQ(open_dataset(root_).training.at(0).label.filename(), "c.png");
}

TEST(OpenDatasetGolden, ReadsThePublicDatasets) {
  SEG_REQUIRE_SHARED("data/Dataset004_Hippocampus");
  SEG_REQUIRE_SHARED("goldens/pipeline/aniso_C/raw");
  const Dataset hippocampus = open_dataset(testing::shared_folder() / "data/Dataset004_Hippocampus");
  EXPECT_EQ(static_cast<std::int64_t>(hippocampus.training.size()), hippocampus.info.num_training);
  const Dataset regions = open_dataset(testing::shared_folder() / "goldens/pipeline/aniso_C/raw");
  EXPECT_EQ(regions.info.output_channels(), 3);
  EXPECT_EQ(regions.training.size(), 6u);
}

TEST(CaseOfFiles, TakesTheOtherChannelsFromBesideTheFirst) {
  const TemporaryFolder folder;
  const fs::path a = folder / "a_0000.nii.gz", b = folder / "a_0001.nii.gz", alone = folder / "b.nii.gz";
  for (const auto& file : {a, b, alone}) write_text(file, "x");
  const Case found = case_of_files({a}, 2, ".nii.gz");
  EXPECT_EQ(found.id, "a");
  EXPECT_THAT(found.images, ElementsAre(a, b));
  EXPECT_THAT(case_of_files({a, b}, 2, ".nii.gz").images, ElementsAre(a, b));
  EXPECT_EQ(case_of_files({alone}, 1, ".nii.gz").id, "b");
  const auto error = [](const std::vector<fs::path>& files, std::size_t channels) {
    return error_of([&] { case_of_files(files, channels, ".nii.gz"); });
  };
  EXPECT_THAT(error({a}, 3), HasSubstr("has 2 channel file(s), expected 3"));
  EXPECT_THAT(error({a, b}, 1), HasSubstr("has 2 channel file(s), expected 1"));
  EXPECT_THAT(error({folder / "c_0000.nii.gz"}, 1), HasSubstr("c_0000.nii.gz does not exist"));
  EXPECT_THAT(error({folder / "a_0000.png"}, 1), HasSubstr("expected a file that ends in .nii.gz"));
}

}  // namespace
}  // namespace seg
