#include "eval/cross_validation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/json.h"
#include "image/image_io.h"
#include "infer/prediction_files.h"
#include "support/errors.h"
#include "support/folder.h"
#include "support/goldens.h"
#include "support/tolerances.h"

namespace seg {
namespace {

using testing::error_of;
using testing::kPipeline;
using testing::shared_folder;

/// Equal but for the paths of files, numbers within `kScoreRelative`.
void expect_same_scores(const Json& got, const Json& expected, const std::string& where) {
  if (expected.is_number()) {
    EXPECT_NEAR(got.get<double>(), expected.get<double>(), testing::kScoreRelative * expected.get<double>())
        << where;
    return;
  }
  if (!expected.is_structured()) {
    EXPECT_TRUE(got == expected || where.ends_with("_file")) << where << ": " << got.dump();
    return;
  }
  ASSERT_EQ(got.size(), expected.size()) << where;
  if (expected.is_array()) {
    for (std::size_t i = 0; i < expected.size(); ++i)
      expect_same_scores(got[i], expected[i], fmt::format("{}/{}", where, i));
    return;
  }
  for (const auto& [key, value] : expected.items()) {
    ASSERT_TRUE(got.contains(key)) << where << "/" << key;
    expect_same_scores(got[key], value, where + "/" + key);
  }
}

/// Every file in a folder and below, by its path in it.
std::set<std::string> files_below(const fs::path& folder) {
  std::set<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files.insert(entry.path().lexically_relative(folder).string());
  }
  return files;
}

class DetermineGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(DetermineGolden, EqualsTheReference) {
  const fs::path golden = kPipeline / "postprocessing" / GetParam();
  SEG_REQUIRE_SHARED(golden);
  const fs::path source = shared_folder() / golden;
  const DatasetInfo info = read_dataset_info(shared_folder() / kPipeline / "hippocampus/dataset.json");
  const testing::TemporaryFolder folder;
  const fs::path pred = folder / "pred", postprocessed = pred / "postprocessed";
  fs::copy(source / "pred", pred);
  for (const char* name : {"dataset.json", "plans.json"}) write_text(pred / name, "{}");
  const auto choice = determine_postprocessing(pred, source / "gt", info);

  expect_same_scores(read_json(pred / "postprocessing.json"), read_json(source / "postprocessing.json"),
                     "postprocessing.json");
  expect_same_scores(read_json(pred / "summary.json"), read_json(source / "summary_before.json"), "before");
  expect_same_scores(read_json(postprocessed / "summary.json"), read_json(source / "summary_after.json"),
                     "after");
  const auto files = list_files(source / "postprocessed", ".nii.gz");
  EXPECT_FALSE(files.empty());
  for (const auto& file : files)
    EXPECT_EQ(read_labels(postprocessed / file.filename()).voxels, read_labels(file).voxels) << file;

  const Json written = read_json(source / "what_was_written.json");
  const auto functions = get<std::vector<std::string>>(written, "pickle_fns");
  ASSERT_EQ(choice.steps.size(), functions.size());
  const std::string pickle = read_text(pred / "postprocessing.pkl");
  if (!functions.empty()) {
    const std::string module = functions[0].substr(0, functions[0].rfind('.'));
    EXPECT_THAT(pickle, ::testing::HasSubstr("c" + module + "\n" + functions[0].substr(module.size() + 1)));
    const Json kwargs = to_json(choice.steps)["postprocessing_kwargs"];
    EXPECT_EQ(kwargs, get<Json>(written, "pickle_kwargs"));
  }
  // Where a step is kept the reference leaves out two files of the postprocessed folder; ours are always
  // there.
  auto expected_files = get<std::set<std::string>>(written, "files_in_prediction_folder_afterwards");
  expected_files.insert({"postprocessed/dataset.json", "postprocessed/plans.json"});
  EXPECT_EQ(files_below(pred), expected_files);

  // What the reference said of every trial.
  const auto said = get<std::string>(written, "stdout");
  const auto rounded = [](double dice) { return std::round(dice * 1e5) / 1e5; };
  ASSERT_EQ(choice.trials.size(), 3u);
  const auto& foreground = choice.trials[0];
  EXPECT_THAT(said,
              ::testing::HasSubstr(
                  foreground.kept
                      ? fmt::format("improved by removing all but the largest foreground region. Mean dice "
                                    "before: {} after: {}",
                                    rounded(foreground.before), rounded(foreground.after))
                      : "all but the largest foreground region did not improve results!"));
  for (std::size_t i = 1; i < 3; ++i) {
    const auto& trial = choice.trials[i];
    EXPECT_THAT(said, ::testing::HasSubstr(
                          fmt::format("all but the largest component for {}{} Dice before: {} after: {}", i,
                                      trial.kept ? "." : " did not improve results!", rounded(trial.before),
                                      rounded(trial.after))));
  }
}

INSTANTIATE_TEST_SUITE_P(Goldens, DetermineGolden,
                         ::testing::Values("determine_fg_helps", "determine_label2_helps",
                                           "determine_nothing_helps"),
                         [](const auto& row) { return std::string(row.param); });

/// Rows of voxels: a small dataset with two models of two folds, one case each.
class CrossValidation : public ::testing::Test {
 protected:
  CrossValidation() {
    info_.file_ending = ".nii.gz";
    info_.labels = {{"background", {0}}, {"a", {1}}};
    make_folder(folder_ / "gt");
    write("gt/x.nii.gz", {0, 1, 1, 0, 0, 0, 0, 0});
    write("gt/y.nii.gz", {0, 0, 1, 1, 0, 0, 0, 0});
    add_model("T__P__2d", {0, 1, 1, 0, 0, 0, 0, 1}, {0, 0, 1, 1, 0, 1, 0, 0}, 0.6f);
    add_model("U__P__2d", {0, 1, 0, 0, 0, 0, 0, 0}, {0, 0, 1, 0, 0, 0, 0, 0}, 0.9f);
  }

  static Labels labels_of(const std::vector<std::int32_t>& values) {
    Labels labels({1, 1, 1, static_cast<std::int64_t>(values.size())});
    labels.data = values;
    return labels;
  }
  void write(const std::string& name, const std::vector<std::int32_t>& values) {
    write_labels(folder_ / name, labels_of(values), {});
  }
  /// A prediction per fold, with `certainty` as the probability of its labels.
  void add_model(const std::string& name, const std::vector<std::int32_t>& x,
                 const std::vector<std::int32_t>& y, float certainty) {
    add_fold(name, "fold_0", "x", x, certainty);
    add_fold(name, "fold_1", "y", y, certainty);
    for (const char* file : {"dataset.json", "plans.json"}) write_text(model(name) / file, "{}");
  }
  void add_fold(const std::string& name, const std::string& fold, const std::string& id,
                const std::vector<std::int32_t>& values, float certainty) {
    const fs::path validation = model(name) / fold / "validation";
    make_folder(validation);
    Prediction prediction{labels_of(values), Image({2, 1, 1, 8})};
    for (std::size_t i = 0; i < values.size(); ++i) {
      const float share = values[i] == 1 ? certainty : 1 - certainty;
      prediction.probabilities.data[8 + i] = share;
      prediction.probabilities.data[i] = 1 - share;
    }
    write_prediction(validation / (id + ".nii.gz"), ".nii.gz", prediction, {});
  }
  fs::path model(const std::string& name) const { return folder_ / name; }

  testing::TemporaryFolder folder_;
  DatasetInfo info_;
};

TEST_F(CrossValidation, GathersFoldsAndScoresThem) {
  const fs::path output = folder_ / "gathered";
  make_folder(output);
  write_text(output / "old.nii.gz", "from before");
  write_text(output / "dataset.json", "{}");
  const Summary summary = gather_folds(model("T__P__2d"), {"0", "1"}, output, folder_ / "gt", info_);
  EXPECT_EQ(summary.cases.size(), 2u);
  EXPECT_DOUBLE_EQ(summary.foreground_mean_dice(), 0.8);
  EXPECT_FALSE(fs::exists(output / "old.nii.gz"));
  for (const char* file : {"x.nii.gz", "y.nii.gz", "summary.json", "dataset.json", "plans.json"})
    EXPECT_TRUE(fs::exists(output / file)) << file;
}

TEST_F(CrossValidation, NeverRemovesOtherFiles) {
  const auto gather = [&](const fs::path& output) {
    return error_of([&] { gather_folds(model("T__P__2d"), {"0", "1"}, output, folder_ / "gt", info_); });
  };
  for (const fs::path& output : {model("T__P__2d"), folder_.path(), folder_ / "gt"})
    EXPECT_THAT(gather(output), ::testing::HasSubstr("which would be removed")) << output;
  make_folder(folder_ / "mine");
  write_text(folder_ / "mine" / "thesis.txt", "years of work");
  EXPECT_THAT(gather(folder_ / "mine"), ::testing::HasSubstr("holds other files"));
  EXPECT_TRUE(fs::exists(folder_ / "mine" / "thesis.txt"));
  EXPECT_TRUE(fs::exists(model("T__P__2d") / "plans.json"));
}

TEST_F(CrossValidation, NamesMissingFoldsAndCasesOfTwoFolds) {
  const auto gather = [&](const std::vector<std::string>& folds) {
    return error_of([&] { gather_folds(model("T__P__2d"), folds, folder_ / "out", folder_ / "gt", info_); });
  };
  EXPECT_THAT(gather({"0", "4"}), ::testing::HasSubstr("fold_4/validation does not exist"));
  write("T__P__2d/fold_1/validation/x.nii.gz", {0, 1, 1, 0, 0, 0, 0, 0});
  EXPECT_THAT(gather({"0", "1"}), ::testing::HasSubstr("two folds predict the same case"));
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

TEST_F(CrossValidation, ComparesModelsAndTheirEnsembles) {
  const auto candidates = compare_models({model("T__P__2d"), model("U__P__2d")}, {"0", "1"}, folder_ / "gt",
                                         info_, true, folder_ / "ensembles");
  ASSERT_EQ(candidates.size(), 3u);
  EXPECT_EQ(candidates[0].name, "T__P__2d");
  EXPECT_EQ(candidates[0].predictions.filename(), "crossval_results_folds_0_1");
  EXPECT_DOUBLE_EQ(candidates[0].dice, 0.8);
  EXPECT_DOUBLE_EQ(candidates[1].dice, 2.0 / 3);
  // U is surer than T: it decides alone.
  EXPECT_EQ(candidates[2].name, "ensemble___T__P__2d___U__P__2d___0_1");
  EXPECT_DOUBLE_EQ(candidates[2].dice, 2.0 / 3);
  EXPECT_TRUE(fs::exists(candidates[2].predictions / "summary.json"));
  EXPECT_EQ(best_of(candidates).name, "T__P__2d");

  const auto choice = determine_postprocessing(candidates[0].predictions, folder_ / "gt", info_);
  ASSERT_EQ(choice.steps.size(), 1u);
  EXPECT_DOUBLE_EQ(choice.after.foreground_mean_dice(), 1.0);

  fs::remove(model("U__P__2d") / "fold_1/validation/y.npz");
  EXPECT_EQ(compare_models({model("T__P__2d"), model("U__P__2d")}, {"0", "1"}, folder_ / "gt", info_, true,
                           folder_ / "ensembles")
                .size(),
            2u);
}

TEST_F(CrossValidation, AnEnsembleCanBeTheBest) {
  // Each model is unsure of the case in which it is wrong.
  add_fold("T__P__2d", "fold_0", "x", {0, 1, 1, 0, 0, 0, 0, 0}, 0.9f);
  add_fold("U__P__2d", "fold_0", "x", {0, 0, 0, 1, 1, 0, 0, 0}, 0.6f);
  add_fold("T__P__2d", "fold_1", "y", {0, 1, 0, 0, 0, 0, 0, 0}, 0.6f);
  add_fold("U__P__2d", "fold_1", "y", {0, 0, 1, 1, 0, 0, 0, 0}, 0.9f);
  const auto candidates = compare_models({model("T__P__2d"), model("U__P__2d")}, {"0", "1"}, folder_ / "gt",
                                         info_, true, folder_ / "ensembles");
  const Candidate& best = best_of(candidates);
  EXPECT_EQ(best.name, "ensemble___T__P__2d___U__P__2d___0_1");
  EXPECT_EQ(best.models.size(), 2u);
  EXPECT_DOUBLE_EQ(best.dice, 1);
  for (const char* id : {"x.nii.gz", "y.nii.gz"})
    EXPECT_EQ(read_labels(best.predictions / id).voxels, read_labels(folder_ / "gt" / id).voxels);
}

TEST_F(CrossValidation, NamesCasesThatOnlyOneModelHasAndThoseWithoutReference) {
  const auto compare = [&] {
    return error_of([&] {
      compare_models({model("T__P__2d"), model("U__P__2d")}, {"0", "1"}, folder_ / "gt", info_, true,
                     folder_ / "ensembles");
    });
  };
  const fs::path extra = "U__P__2d/fold_1/validation/z.nii.gz";
  write(extra, {0, 1, 1, 0, 0, 0, 0, 0});
  EXPECT_THAT(compare(), ::testing::HasSubstr("gt/z.nii.gz is missing"));
  write("gt/z.nii.gz", {0, 1, 1, 0, 0, 0, 0, 0});
  EXPECT_THAT(compare(), ::testing::HasSubstr("different cases: only one of them has z"));
  fs::remove(model("U__P__2d") / "fold_1/validation/z.nii.gz");
  fs::remove(model("U__P__2d") / "fold_1/validation/y.nii.gz");
  write("U__P__2d/fold_1/validation/z.nii.gz", {0, 1, 1, 0, 0, 0, 0, 0});
  EXPECT_THAT(compare(), ::testing::HasSubstr("different cases: only one of them has y"));
}

TEST_F(CrossValidation, KeepsTheSpacingOfTiffVolumes) {
  info_.file_ending = ".tif";
  Labels labels({1, 2, 3, 4});
  labels.data[5] = 1;
  const Geometry geometry{3, {4, 0.5, 0.5}};
  write_labels(folder_ / "gt/x.tif", labels, geometry);
  write_labels(model("T__P__2d") / "fold_0/validation/x.tif", labels, geometry);
  const Summary summary = gather_folds(model("T__P__2d"), {"0"}, folder_ / "gathered", folder_ / "gt", info_);
  EXPECT_EQ(summary.foreground_mean_dice(), 1);
  EXPECT_EQ(read_labels(folder_ / "gathered/x.tif").geometry.spacing, geometry.spacing);
}

TEST_F(CrossValidation, TriesOverlappingRegionsOneAfterTheOther) {
  info_.labels = {{"background", {0}}, {"whole", {1, 2}}, {"core", {2}}};
  info_.regions_class_order = {1, 2};
  make_folder(folder_ / "pred");
  write("gt/x.nii.gz", {0, 1, 2, 2, 1, 0, 0, 0, 0, 2, 0, 0});
  // Without its smaller piece the whole is better, but a right voxel of the core is lost with it.
  write("pred/x.nii.gz", {0, 1, 2, 2, 1, 0, 0, 1, 1, 2, 0, 0});
  const auto choice = determine_postprocessing(folder_ / "pred", folder_ / "gt", info_);
  ASSERT_EQ(choice.trials.size(), 3u);
  EXPECT_FALSE(choice.trials[0].kept);  // the core falls from 1 to 4/5, more than the whole rises
  EXPECT_TRUE(choice.trials[1].kept);
  EXPECT_DOUBLE_EQ(choice.trials[1].before, 10.0 / 12);
  EXPECT_DOUBLE_EQ(choice.trials[1].after, 8.0 / 9);
  EXPECT_DOUBLE_EQ(choice.trials[2].before, 4.0 / 5);  // what the whole's step has left, not 1
  EXPECT_DOUBLE_EQ(choice.trials[2].after, 4.0 / 5);
  EXPECT_FALSE(choice.trials[2].kept);
  ASSERT_EQ(choice.steps.size(), 1u);
  EXPECT_DOUBLE_EQ(choice.after.foreground_mean_dice(), (8.0 / 9 + 4.0 / 5) / 2);
}

}  // namespace
}  // namespace seg
