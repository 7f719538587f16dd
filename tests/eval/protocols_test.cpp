#include "eval/protocols.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/json.h"
#include "data/instance_labels.h"
#include "image/image_io.h"
#include "support/errors.h"
#include "support/folder.h"
#include "support/goldens.h"
#include "support/tolerances.h"

namespace seg {
namespace {

using testing::shared_folder;
using testing::TemporaryFolder;

const fs::path kGoldens = "goldens/pipeline/evaluation";

ProtocolReport run_protocol(const std::string& name, ProtocolSettings settings) {
  for (const auto& protocol : all_protocols()) {
    if (protocol.name == name) return protocol.run(settings);
  }
  ADD_FAILURE() << "no protocol " << name;
  return {};
}

ProtocolSettings settings_of(const fs::path& folder) {
  return {.references = folder / "gt", .predictions = folder / "pred"};
}

std::string file_of(const ProtocolReport& report, const std::string& suffix) {
  for (const auto& file : report.files) {
    if (file.suffix == suffix) return file.text;
  }
  ADD_FAILURE() << "no file " << suffix;
  return {};
}

/// The number behind `words` in a file.
double number_after(const fs::path& file, const std::string& words) {
  const std::string text = read_text(file);
  const auto at = text.find(words);
  if (at == std::string::npos) ADD_FAILURE() << "no \"" << words << "\" in " << file;
  return std::stod(text.substr(at + words.size()));
}

void expect_scores(const ProtocolReport& report, const fs::path& folder, const std::string& metric,
                   std::size_t table) {
  EXPECT_EQ(file_of(report, "_" + metric + ".csv"), read_text(folder / ("paper_metric_" + metric + ".csv")));
  EXPECT_NEAR(report.tables.at(table).overall,
              number_after(folder / ("paper_metric_" + metric + "_stdout.txt"), "for pred: "),
              testing::kScoreRelative);
}

class AbdomenGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(AbdomenGolden, EqualsTheScripts) {
  SEG_REQUIRE_SHARED(kGoldens);
  const fs::path folder = shared_folder() / kGoldens / GetParam();
  ProtocolSettings settings = settings_of(folder);
  settings.labels =
      parse_dataset_info(read_json(folder / "dataset.json"), GetParam(), "dataset.json").foreground();
  const auto report = run_protocol("abdomen-mr", settings);
  expect_scores(report, folder, "DSC", 0);
  expect_scores(report, folder, "NSD", 1);
}

INSTANTIATE_TEST_SUITE_P(Goldens, AbdomenGolden, ::testing::Values("hippocampus", "anisotropic"));

TEST(AbdomenProtocol, EqualsTheUnchangedScripts) {
  SEG_REQUIRE_SHARED(kGoldens);
  const fs::path folder = shared_folder() / kGoldens / "organ13_zbounds";
  ProtocolSettings settings = settings_of(folder);
  const auto report = run_protocol("abdomen-mr", settings);
  expect_scores(report, folder, "DSC", 0);
  expect_scores(report, folder, "NSD", 1);
  settings.nsd_tolerances = {1};
  EXPECT_EQ(file_of(run_protocol("abdomen-mr", settings), "_NSD.csv"),
            read_text(folder / "paper_metric_NSD_tolerance1.csv"));
}

TEST(EndoscopyProtocol, EqualsTheScripts) {
  SEG_REQUIRE_SHARED(kGoldens);
  const fs::path folder = shared_folder() / kGoldens / "endoscopy_png";
  const auto report = run_protocol("endoscopy", settings_of(folder));
  expect_scores(report, folder, "DSC", 0);
  expect_scores(report, folder, "NSD", 1);
}

TEST(CellProtocol, EqualsTheScript) {
  SEG_REQUIRE_SHARED(kGoldens);
  const fs::path folder = shared_folder() / kGoldens / "cells";
  for (const bool count_boundary : {false, true}) {
    const std::string name = count_boundary ? "cells_count_bd" : "cells";
    ProtocolSettings settings = settings_of(folder);
    settings.iou_thresholds = {0.5, 0.7};
    settings.count_boundary_cells = count_boundary;
    const auto report = run_protocol("cells", settings);
    std::size_t table = 0;
    for (const std::string threshold : {"0.5", "0.7"}) {
      const std::string csv = name + "-" + threshold + ".csv";
      EXPECT_EQ(file_of(report, "-" + threshold + ".csv"), read_text(folder / csv));
      EXPECT_NEAR(report.tables.at(table++).overall,
                  number_after(folder / (count_boundary ? "stdout_count_bd.txt" : "stdout.txt"),
                               csv + " threshold: " + threshold + " mean F1 Score: "),
                  testing::kScoreRelative);
    }
  }
}

/// What was done to each picture of the golden shows in its scores.
TEST(CellProtocol, ShowsHowThePredictionsWereMade) {
  SEG_REQUIRE_SHARED(kGoldens);
  const fs::path folder = shared_folder() / kGoldens / "cells";
  const std::vector<double> threshold{0.5};
  const Json manifest = read_json(folder / "manifest.json");
  ASSERT_EQ(manifest.size(), list_files(folder / "pred", ".png").size());
  for (const auto& [name, entry] : manifest.items()) {
    SCOPED_TRACE(name);
    const auto made = entry.get<std::string>();
    const Labels instances = read_labels(folder / "gt" / (name + "_label.tiff")).voxels,
                 classes = read_labels(folder / "pred" / (name + ".png")).voxels;
    EXPECT_EQ(three_class_labels(instances, BoundaryRule::challenge) == classes, made == "challenge_rule");
    const CellScores scores = score_cells(instances, classes, threshold, true).front();
    EXPECT_EQ(scores.prediction == 0, made == "empty");
    EXPECT_EQ(scores.reference == 0, made == "ground truth has no cell");
    EXPECT_EQ(scores.tp == scores.reference,
              made == "challenge_rule" || made == "eroded2" || scores.reference == 0);
    if (made == "merged") {
      EXPECT_LT(scores.prediction, scores.reference);
    }
  }
}

TEST(CellProtocol, ScoresLargePicturesInTiles) {
  SEG_REQUIRE_SHARED(kGoldens);
  const fs::path folder = shared_folder() / kGoldens / "cells_large";
  const auto report = run_protocol("cells", settings_of(folder));
  EXPECT_EQ(file_of(report, "-0.5.csv"), read_text(folder / "cells_large-0.5.csv"));
  EXPECT_NEAR(report.tables.front().overall, number_after(folder / "stdout.txt", "mean F1 Score: "),
              testing::kScoreRelative);
}

TEST(CellProtocol, KnowsWhatAPerfectPredictionReaches) {
  SEG_REQUIRE_SHARED(kGoldens / "cells_ceiling.json");
  SEG_REQUIRE_SHARED("data/nuclei_raw/test/labels");
  const Json golden = read_json(shared_folder() / kGoldens / "cells_ceiling.json");
  const std::vector<double> threshold{0.5};
  for (const auto& [name, rule] :
       {std::pair{"challenge_rule", BoundaryRule::challenge}, std::pair{"inner_only", BoundaryRule::inner}}) {
    double sum = 0;
    const auto& images = golden[name]["per_image"];
    for (const auto& [file, f1] : images.items()) {
      const Labels instances = read_labels(shared_folder() / "data/nuclei_raw/test/labels" / file).voxels;
      const auto scores = score_cells(instances, three_class_labels(instances, rule), threshold, false);
      EXPECT_NEAR(scores.front().f1, f1.get<double>(), testing::kCellCeiling) << name << " " << file;
      sum += scores.front().f1;
    }
    EXPECT_EQ(images.size(), golden[name]["images"].get<std::size_t>());
    EXPECT_NEAR(sum / static_cast<double>(images.size()), golden[name]["mean_F1_at_0.5"].get<double>(),
                testing::kCellCeiling);
  }
}

/// References and predictions of two made-up files.
class MadeUp : public ::testing::Test {
 protected:
  MadeUp() {
    make_folder(folder_ / "gt");
    make_folder(folder_ / "pred");
  }
  void write(const std::string& name, const Labels& labels) {
    write_labels(folder_ / name, labels, {labels.shape[1] > 1 ? 3 : 2, {1, 1, 1}});
  }
  std::string csv(const std::string& protocol, const std::string& suffix) {
    return file_of(run_protocol(protocol, settings_of(folder_.path())), suffix);
  }
  TemporaryFolder folder_;
};

TEST_F(MadeUp, OrganOfOneSliceIsNotScored) {
  Labels reference({1, 4, 5, 5});
  reference.at(0, 2, 2, 2) = 5;  // the aorta
  write("gt/a.nii.gz", reference);
  write("pred/a.nii.gz", reference);
  ::testing::internal::CaptureStderr();
  const std::string dice = csv("abdomen-mr", "_DSC.csv");
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), ::testing::HasSubstr("Aorta lies in one slice"));
  // Organs that nobody has score 1, written as Python's integer.
  EXPECT_THAT(dice, ::testing::EndsWith("a.nii.gz,1,1,1,1,,1,1,1,1,1,1,1,1\n"));
}

TEST_F(MadeUp, FramesOfOneValueAreNotScored) {
  const Labels blank({1, 1, 6, 6});
  write("gt/a.png", blank);
  write("pred/a.png", blank);
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(csv("endoscopy", "_DSC.csv"), "Name,DSC\na.png,\n");
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), ::testing::HasSubstr("a.png: neither picture"));
}

TEST_F(MadeUp, TheSmallestValueIsBackgroundEvenIfItIsNotZero) {
  Labels reference({1, 1, 6, 6}, 3), prediction({1, 1, 6, 6}, 3);
  reference.at(0, 0, 2, 2) = prediction.at(0, 0, 2, 2) = 7;
  prediction.at(0, 0, 4, 4) = 1;  // now 3 is a label of the prediction
  write("gt/a.png", reference);
  write("pred/a.png", prediction);
  EXPECT_THAT(csv("endoscopy", "_NSD.csv"), ::testing::HasSubstr("\"[7]\",\"[3, 7]\",\"[3, 7]\""));
}

}  // namespace
}  // namespace seg
