#include "data/doctor.h"

#include <gmock/gmock.h>

#include <limits>

#include "base/json.h"
#include "data/dataset.h"
#include "data/raw_case.h"
#include "image/image_io.h"
#include "support/errors.h"
#include "support/folder.h"
#include "support/goldens.h"
#include "support/image_bytes.h"

namespace seg {
namespace {

using ::testing::AllOf;
using testing::error_of;
using ::testing::HasSubstr;

/// Five sound cases a to e, two channels each, of 2 x 3 x 4 voxels.
class Doctor : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* folder : {"imagesTr", "labelsTr"}) make_folder(root_ / folder);
    for (const char id : {'a', 'b', 'c', 'd', 'e'}) {
      image(id, 0, sound());
      image(id, 1, sound());
      label(id, sound_label(), geometry_);
    }
    write_json(root_ / "dataset.json", json_);
  }
  static Image sound() {
    Image made({1, 2, 3, 4});
    for (std::size_t i = 0; i < made.data.size(); ++i) made.data[i] = static_cast<float>(i);
    return made;
  }
  static Labels sound_label() {
    Labels made({1, 2, 3, 4});
    for (std::size_t i = 0; i < made.data.size(); ++i) made.data[i] = static_cast<int>(i % 3);
    return made;
  }
  fs::path image_path(char id, int channel) const {
    return root_ / fmt::format("imagesTr/{}_{:04}.nrrd", id, channel);
  }
  fs::path label_path(char id) const { return root_ / fmt::format("labelsTr/{}.nrrd", id); }
  void image(char id, int channel, const Image& voxels) {
    write_image(image_path(id, channel), voxels, geometry_);
  }
  void label(char id, const Labels& voxels, const Geometry& geometry) {
    write_labels(label_path(id), voxels, geometry);
  }
  void json(const std::string& key, const std::string& text) {
    json_.erase(key);
    if (!text.empty()) json_[key] = parse_json(text, "text");
    write_json(root_ / "dataset.json", json_);
  }

  /// "error file: problem > repair" per finding.
  std::vector<std::string> findings() const {
    std::vector<std::string> lines;
    for (const Finding& finding : diagnose(root_).findings)
      lines.push_back(fmt::format("{} {}: {}{}{}", finding.severity == Severity::error ? "error" : "warning",
                                  finding.file, finding.problem, finding.repair.empty() ? "" : " > ",
                                  finding.repair));
    return lines;
  }
  std::string only_finding() const {
    const auto lines = findings();
    EXPECT_EQ(lines.size(), 1u) << ::testing::PrintToString(lines);
    return lines.empty() ? "" : lines.front();
  }
  /// Repairs into a new folder, in which nothing may be left to complain about.
  fs::path repaired() const {
    const fs::path target = folder_ / "repaired";
    repair_dataset(diagnose(root_), target);
    const Diagnosis after = diagnose(target);
    EXPECT_TRUE(after.findings.empty()) << to_text(to_json(after));
    return target;
  }

  testing::TemporaryFolder folder_;
  fs::path root_ = folder_ / "Dataset001_Test";
  Geometry geometry_;
  Json json_ =
      parse_json(R"({"channel_names": {"0": "CT", "1": "PET"}, "labels": {"background": 0, "a": 1, "b": 2},
                              "numTraining": 5, "file_ending": ".nrrd"})",
                 "text");
};

TEST_F(Doctor, HasNothingToSayAboutASoundDataset) {
  const Diagnosis diagnosis = diagnose(root_);
  EXPECT_TRUE(diagnosis.findings.empty());
  EXPECT_EQ(diagnosis.cases, 5u);
  EXPECT_TRUE(to_json(diagnosis)["can_train"].get<bool>());
}

TEST_F(Doctor, FindsAllProblemsInOneRun) {
  fs::remove(image_path('a', 1));
  fs::remove(label_path('b'));
  image('c', 1, Image({1, 2, 3, 5}, 1));
  write_text(image_path('d', 0), read_text(image_path('d', 0)).substr(0, 100));
  Labels odd = sound_label();
  odd.data[3] = 9;
  label('e', odd, geometry_);
  json("numTraining", "7");
  EXPECT_THAT(
      findings(),
      ::testing::UnorderedElementsAre(
          "error dataset.json: numTraining is 7, but there are 4 training cases > it becomes 4",
          "error imagesTr/a_0001.nrrd: channel 1 of the case is missing",
          "error labelsTr/b.nrrd: the label of the case is missing",
          HasSubstr(
              "error imagesTr/c_0001.nrrd: imagesTr/c_0000.nrrd and this file differ in size: 2 x 3 x 4 and"),
          "warning imagesTr/c_0001.nrrd: every voxel is 1", HasSubstr("error imagesTr/d_0000.nrrd: "),
          "error labelsTr/e.nrrd: label values 9 (1 voxels) are not in dataset.json, which has 0 to 2",
          HasSubstr("warning dataset.json: 4 training cases are too few")));
}

TEST_F(Doctor, ValuesThatAreNotNumbers) {
  Image bad = sound();
  bad.data[5] = std::numeric_limits<float>::quiet_NaN();
  bad.data[6] = std::numeric_limits<float>::infinity();
  image('b', 1, bad);
  EXPECT_EQ(only_finding(), "error imagesTr/b_0001.nrrd: 2 voxels are not numbers (NaN) or infinite");
}

TEST_F(Doctor, GeometryOfLabels) {
  Geometry other = geometry_;
  other.spacing = {1, 1, 2};
  label('a', sound_label(), other);
  EXPECT_THAT(only_finding(), AllOf(HasSubstr("error labelsTr/a.nrrd"), HasSubstr("differ in spacing"),
                                    ::testing::Not(HasSubstr(" > "))));
  other = geometry_;
  other.origin = {5, 0, 0};
  label('a', sound_label(), other);
  EXPECT_THAT(only_finding(), AllOf(HasSubstr("warning labelsTr/a.nrrd"), HasSubstr("differ in origin"),
                                    ::testing::Not(HasSubstr(" > "))));
  other = geometry_;
  other.direction = {0, 1, 0, -1, 0, 0, 0, 0, 1};
  label('a', sound_label(), other);
  EXPECT_THAT(only_finding(), AllOf(HasSubstr("warning labelsTr/a.nrrd"), HasSubstr("direction")));
  other = geometry_;
  other.spacing = {1, 1.001, 1};
  other.origin = {0, 0.01, 0};
  label('a', sound_label(), other);
  EXPECT_EQ(findings().size(), 2u);
  const fs::path target = repaired();
  EXPECT_EQ(read_labels(target / "labelsTr/a.nrrd").geometry.spacing, geometry_.spacing);
  EXPECT_EQ(read_labels(target / "labelsTr/a.nrrd").voxels, sound_label());
}

TEST_F(Doctor, LabelsThatAreEmptyOrNeverOccur) {
  label('c', Labels({1, 2, 3, 4}), geometry_);
  json("labels", R"({"background": 0, "a": 1, "b": 2, "c": 3})");
  EXPECT_THAT(findings(),
              ::testing::ElementsAre("warning labelsTr/c.nrrd: the label is empty: it holds background only",
                                     "warning labelsTr: label \"c\" (3) occurs in no case"));
  for (const char id : {'a', 'b', 'd', 'e'}) label(id, Labels({1, 2, 3, 4}), geometry_);
  EXPECT_THAT(findings().front(), HasSubstr("error labelsTr: no label file has any voxel above background"));
}

TEST_F(Doctor, RegionsAndTheIgnoreLabelAreUnderstood) {
  json("labels", R"({"background": 0, "whole": [1, 2], "core": 2, "ignore": 3})");
  json("regions_class_order", "[1, 2]");
  Labels ignored = sound_label();
  ignored.data[0] = 3;
  label('a', ignored, geometry_);
  EXPECT_TRUE(findings().empty());
}

TEST_F(Doctor, LabelsAreRenumbered) {
  json("labels", R"({"ignore": 4, "background": 0, "a": 3, "b": 7})");
  for (const char id : {'a', 'b', 'c', 'd', 'e'}) {
    Labels sparse = sound_label();
    for (auto& value : sparse.data) value = value == 1 ? 3 : value == 2 ? 7 : 0;
    sparse.data[0] = 4;
    label(id, sparse, geometry_);
  }
  EXPECT_EQ(only_finding(),
            "error dataset.json: labels: expected the values 0 to 3 with the ignore label last, got 0, 3, 4, "
            "7 > 3 becomes "
            "1, 7 becomes 2, 4 becomes 3, in the label files too");
  make_folder(root_ / "labelsTs");
  fs::copy_file(label_path('d'), root_ / "labelsTs" / "t.nrrd");
  const fs::path target = repaired();
  Labels expected = sound_label();
  expected.data[0] = 3;
  EXPECT_EQ(read_labels(target / "labelsTs/t.nrrd").voxels, expected);
  EXPECT_EQ(read_labels(target / "labelsTr/d.nrrd").voxels, expected);
  EXPECT_EQ(open_dataset(target).info.ignore_label(), 3);
  EXPECT_EQ(read_labels(label_path('d')).voxels.data[1], 3);  // the source is as it was
}

TEST_F(Doctor, MasksOf0And255) {
  json("labels", R"({"background": 0, "tool": 1})");
  Labels mask({1, 2, 3, 4});
  mask.data[4] = 1;
  for (const char id : {'a', 'b', 'c', 'd'}) label(id, mask, geometry_);
  Labels bright = mask;
  bright.data[4] = 255;
  label('e', bright, geometry_);
  EXPECT_EQ(only_finding(), "error labelsTr/e.nrrd: a mask of 0 and 255, expected 0 and 1 > 255 becomes 1");
  EXPECT_EQ(read_labels(repaired() / "labelsTr/e.nrrd").voxels, mask);
}

TEST_F(Doctor, ReferencesOfTestCases) {
  json("labels", R"({"background": 0, "tool": 1})");
  Labels mask({1, 2, 3, 4});
  mask.data[4] = 1;
  for (const char id : {'a', 'b', 'c', 'd', 'e'}) label(id, mask, geometry_);
  Labels bright = mask, other = mask;
  bright.data[4] = 255;
  other.data[4] = 7;
  make_folder(root_ / "labelsTs");
  write_labels(root_ / "labelsTs/t.nrrd", bright, geometry_);
  EXPECT_EQ(only_finding(), "warning labelsTs/t.nrrd: a mask of 0 and 255, expected 0 and 1 > 255 becomes 1");
  EXPECT_EQ(read_labels(repaired() / "labelsTs/t.nrrd").voxels, mask);
  write_labels(root_ / "labelsTs/t.nrrd", other, geometry_);
  EXPECT_THAT(only_finding(), HasSubstr("warning labelsTs/t.nrrd: label values 7 (1 voxels)"));
  write_text(root_ / "labelsTs/t.nrrd", "NRRD");
  EXPECT_THAT(only_finding(), HasSubstr("warning labelsTs/t.nrrd: "));
}

TEST_F(Doctor, DatasetJsonOfAnotherForm) {
  json("modality", R"({"CT": 0, "PET": 1})");
  json("channel_names", "");
  json("labels", R"({"0": "Background", "1": "a", "2": "b"})");
  json("file_ending", "\"nrrd\"");
  json("numTrainings", "5");
  json("numTraining", "");
  EXPECT_THAT(findings(),
              ::testing::ElementsAre(
                  HasSubstr("key \"modality\" of the old format"),
                  HasSubstr("key \"numTraining\" is missing, but there is \"numTrainings\""),
                  HasSubstr("channel_names says {name: index}"), HasSubstr("labels says {value: name}"),
                  HasSubstr("file_ending \"nrrd\""), HasSubstr("called \"Background\"")));
  const Dataset dataset = open_dataset(repaired());
  EXPECT_THAT(dataset.info.channel_names, ::testing::ElementsAre("CT", "PET"));
  EXPECT_EQ(dataset.info.num_training, 5);
  EXPECT_EQ(dataset.info.labels.at(0).name, "background");
}

TEST_F(Doctor, WhatCannotBeUnderstoodIsSaid) {
  json("numTraining", "\"5\"");
  EXPECT_EQ(
      only_finding(),
      "error dataset.json: numTraining is missing or not a whole number > the training cases are counted");
  json("numTraining", "5");
  json("labels", "");
  EXPECT_THAT(only_finding(), HasSubstr("error dataset.json: dataset.json > key \"labels\" is missing"));
  EXPECT_THAT(error_of([&] { repair_dataset(diagnose(root_), folder_ / "new"); }),
              HasSubstr("cannot be repaired"));
  write_text(root_ / "dataset.json", "{\"labels\": ");
  EXPECT_THAT(only_finding(), HasSubstr("error dataset.json"));
  fs::remove(root_ / "dataset.json");
  EXPECT_THAT(only_finding(), HasSubstr("the file is missing"));
  EXPECT_THAT(error_of([&] { diagnose(root_ / "nowhere"); }), HasSubstr("nowhere does not exist"));
}

TEST_F(Doctor, NamesOfFiles) {
  json("channel_names", R"({"0": "CT"})");
  for (const char id : {'a', 'b', 'c', 'd', 'e'}) fs::remove(image_path(id, 1));
  fs::rename(image_path('a', 0), root_ / "imagesTr/a.nrrd");       // no channel number
  fs::rename(image_path('b', 0), root_ / "imagesTr/b_0001.nrrd");  // counted from 1
  fs::rename(label_path('c'), root_ / "labelsTr/c_0000.nrrd");     // a label with a channel number
  EXPECT_THAT(
      findings(),
      ::testing::UnorderedElementsAre(
          "error imagesTr/a.nrrd: the name does not end in a channel number, such as _0000 > it is renamed "
          "to a_0000.nrrd",
          "error imagesTr/b_0001.nrrd: channels are counted from 1, expected from 0 > it is renamed to "
          "b_0000.nrrd",
          "error labelsTr/c_0000.nrrd: the name of a label has no channel number > it is renamed to "
          "c.nrrd"));
  EXPECT_EQ(open_dataset(repaired()).training.size(), 5u);

  write_text(root_ / "imagesTr/d_0000.png", "");
  write_text(root_ / "imagesTr/x.mha", "");
  write_text(root_ / "labelsTr/y.nrrd", "");
  write_image(root_ / "imagesTr/D_0000.nrrd", sound(), geometry_);
  write_labels(root_ / "labelsTr/D.nrrd", sound_label(), geometry_);
  make_folder(root_ / "imagesTs");
  write_image(root_ / "imagesTs/e_0000.nrrd", sound(), geometry_);
  const std::string all = ::testing::PrintToString(findings());
  for (const char* part :
       {"warning imagesTr/d_0000.png: the case d is there a second time",
        "warning imagesTr/x.mha: it is not used", "warning labelsTr/y.nrrd: there is no image",
        "warning imagesTr/d_0000.nrrd: the identifiers D and d differ in capitals only",
        "warning imagesTs/e_0000.nrrd: a training case has the same identifier"})
    EXPECT_THAT(all, HasSubstr(part));
}

TEST_F(Doctor, IdentifiersThatLookLikeChannels) {
  json("channel_names", R"({"0": "CT"})");
  int number = 0;
  for (const char id : {'a', 'b', 'c', 'd', 'e'}) {
    fs::rename(image_path(id, 0), root_ / fmt::format("imagesTr/scan_{:04}.nrrd", number));
    fs::rename(label_path(id), root_ / fmt::format("labelsTr/scan_{:04}.nrrd", number++));
    fs::remove(image_path(id, 1));
  }
  EXPECT_EQ(diagnose(root_).count(Severity::error), 5u);
  EXPECT_EQ(open_dataset(repaired()).training.at(4).id, "scan_0004");
}

TEST_F(Doctor, CasesThatDatasetJsonNames) {
  json("dataset",
       R"({"one": {"images": ["imagesTr/a_0000.nrrd", "imagesTr/a_0001.nrrd"], "label": "labelsTr/a.nrrd"},
                      "two": {"images": ["imagesTr/b_0000.nrrd", "imagesTr/none.nrrd"], "label": "labelsTr/a.nrrd"},
                      "three": {"images": ["imagesTr/c_0000.nrrd", "imagesTr/c_0001.nrrd", "imagesTr/d_0000.nrrd"],
                                "label": "labelsTr/c.nrrd"}, "four": {"images": []}})");
  const std::string all = ::testing::PrintToString(findings());
  for (const char* part :
       {"imagesTr/none.nrrd: a file of the case two is missing",
        "labelsTr/a.nrrd: belongs to the cases one and two", "case \\\"three\\\" has 3 images, expected 2",
        "numTraining is 5, but there are 1"})
    EXPECT_THAT(all, HasSubstr(part));
}

TEST_F(Doctor, CasesThatDatasetJsonNamesTwice) {
  const auto entry = [](char id) {
    return fmt::format(
        R"("{0}": {{"images": ["imagesTr/{0}_0000.nrrd", "imagesTr/{0}_0001.nrrd"], "label": "labelsTr/{0}.nrrd"}})",
        id);
  };
  std::string list = entry('a');
  for (const char id : {'b', 'c', 'd', 'e'}) list += ", " + entry(id);
  json("dataset", "{" + list + "}");
  EXPECT_TRUE(findings().empty());
  const std::string text = read_text(root_ / "dataset.json");
  write_text(root_ / "dataset.json",
             text.substr(0, text.rfind('}')) + ", \"dataset\": {" + list + ", " + entry('c') + "}}");
  EXPECT_THAT(findings(),
              ::testing::UnorderedElementsAre(
                  HasSubstr("error dataset.json: \"c\" is there twice, of which only the last counts"),
                  HasSubstr("error dataset.json: \"dataset\" is there twice")));
}

TEST_F(Doctor, TestImagesBesideCasesThatDatasetJsonNames) {
  json("dataset",
       R"({"a": {"images": ["imagesTr/a_0000.nrrd", "imagesTr/a_0001.nrrd"], "label": "labelsTr/a.nrrd"}})");
  make_folder(root_ / "imagesTs");
  fs::copy_file(image_path('b', 0), root_ / "imagesTs/a_0000.nrrd");
  const std::string all = ::testing::PrintToString(findings());
  EXPECT_THAT(all, HasSubstr("imagesTs/a_0001.nrrd: channel 1 of the case is missing"));
  EXPECT_THAT(all, HasSubstr("imagesTs/a_0000.nrrd: a training case has the same identifier"));
}

TEST_F(Doctor, PicturesWithAlphaBecomeRgb) {
  const fs::path root = folder_ / "pictures";
  make_folder(root / "imagesTr");
  make_folder(root / "labelsTr");
  json_["channel_names"] = {{"0", "R"}, {"1", "G"}, {"2", "B"}};
  json_["labels"] = {{"background", 0}, {"a", 1}};
  json_["file_ending"] = ".png";
  write_json(root / "dataset.json", json_);
  for (const char id : {'a', 'b', 'c', 'd', 'e'}) {
    write_text(root / "imagesTr" / fmt::format("{}_0000.png", id),
               testing::png_bytes(2, 1, 6, "\x01\x02\x03\x64\x04\x05\x06\x64"));
    write_labels(root / "labelsTr" / fmt::format("{}.png", id), Labels({1, 1, 1, 2}, 1), {});
  }
  const Diagnosis diagnosis = diagnose(root);
  EXPECT_EQ(diagnosis.count(Severity::error), 0u);
  ASSERT_EQ(diagnosis.count(Severity::warning), 5u);
  EXPECT_EQ(diagnosis.findings[0].problem, "when read, the alpha channel is dropped");
  repair_dataset(diagnosis, folder_ / "rgb");
  std::vector<std::string> remarks;
  EXPECT_EQ(read_image(folder_ / "rgb/imagesTr/a_0000.png", &remarks).voxels.data,
            (std::vector<float>{1, 4, 2, 5, 3, 6}));
  EXPECT_TRUE(remarks.empty());
}

TEST_F(Doctor, TheCopyNeverOverwrites) {
  const Diagnosis diagnosis = diagnose(root_);
  EXPECT_THAT(error_of([&] { repair_dataset(diagnosis, root_); }), HasSubstr("exists already"));
  EXPECT_THAT(error_of([&] { repair_dataset(diagnosis, root_ / "copy"); }),
              HasSubstr("lies in the dataset itself"));
}

TEST(DoctorGolden, ThePublicDatasetsAreSound) {
  for (const char* root : {"data/Dataset004_Hippocampus", "goldens/pipeline/aniso_A/raw",
                           "goldens/pipeline/aniso_B/raw", "goldens/pipeline/aniso_C/raw"}) {
    SEG_REQUIRE_SHARED(root);
    EXPECT_EQ(diagnose(testing::shared_folder() / root).count(Severity::error), 0u) << root;
  }
}

}  // namespace
}  // namespace seg
