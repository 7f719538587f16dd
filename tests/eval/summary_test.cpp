#include "eval/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/json.h"
#include "base/rng.h"
#include "image/image_io.h"
#include "support/errors.h"
#include "support/folder.h"
#include "support/goldens.h"
#include "support/tolerances.h"

namespace seg {
namespace {

using testing::error_of;
using ::testing::HasSubstr;
using testing::shared_folder;
using testing::TemporaryFolder;

const LabelEntry kLiver{"liver", {1}}, kTumour{"tumour", {2}}, kWhole{"whole", {1, 2}};

DatasetInfo two_labels() {
  DatasetInfo info;
  info.name = "Dataset001_Test";
  info.channel_names = {"CT"};
  info.labels = {{"background", {0}}, kLiver, kTumour};
  info.file_ending = ".nii.gz";
  return info;
}

Labels row_of(std::vector<std::int32_t> values) {
  Labels labels({1, 1, 1, static_cast<std::int64_t>(values.size())});
  labels.data = std::move(values);
  return labels;
}

/// Equal structure and keys in the same order, whole numbers equal, other numbers within 1e-12.
void expect_same_json(const Json& got, const Json& expected, const std::string& where) {
  ASSERT_EQ(got.type() == Json::value_t::number_float, expected.type() == Json::value_t::number_float)
      << where;
  if (expected.is_number_float()) {
    const double a = got.get<double>(), b = expected.get<double>();
    EXPECT_TRUE(std::isnan(a) ? std::isnan(b) : std::abs(a - b) <= testing::kScoreRelative * std::max(1.0, b))
        << where << ": " << a << " and " << b;
  } else if (expected.is_structured()) {
    ASSERT_EQ(got.size(), expected.size()) << where;
    auto at = got.items().begin();
    for (const auto& [key, value] : expected.items()) {
      EXPECT_EQ(at.key(), key) << where;
      expect_same_json(at.value(), value, where + "/" + key);
      ++at;
    }
  } else if (where.ends_with("_file")) {  // written with the folders the reference saw
    EXPECT_EQ(fs::path(got.get<std::string>()).filename(), fs::path(expected.get<std::string>()).filename());
  } else {
    EXPECT_EQ(got, expected) << where;
  }
}

TEST(SummaryOfCounts, EqualsTheReferencesValidation) {
  const fs::path file =
      shared_folder() / "goldens/pipeline/training/minitrain/validation_summary_first2.json";
  SEG_REQUIRE_SHARED("goldens/pipeline/training/minitrain");
  const Json expected = read_json(file)["metric_per_case"];  // two cases of a fold; its means are of all
  Summary summary{.labels = {{"first", {1}}, {"second", {2}}}, .cases = {}};
  for (const auto& one : expected) {
    CaseScores scores{
        one["reference_file"].get<std::string>(), one["prediction_file"].get<std::string>(), {}};
    for (const char* label : {"1", "2"}) {
      const auto count = [&](const char* key) { return one["metrics"][label][key].get<std::int64_t>(); };
      scores.labels.push_back({count("TP"), count("FP"), count("FN"), count("TN")});
    }
    summary.cases.push_back(scores);
  }
  ASSERT_EQ(summary.cases.size(), 2u);
  expect_same_json(to_json(summary)["metric_per_case"], expected, "");
}

class SummaryGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(SummaryGolden, EqualsTheReference) {
  SEG_REQUIRE_SHARED("goldens/pipeline/evaluation");
  const fs::path folder = shared_folder() / "goldens/pipeline/evaluation" / GetParam();
  const DatasetInfo info =
      parse_dataset_info(read_json(folder / "dataset.json"), GetParam(), (folder / "dataset.json").string());
  const Summary summary =
      evaluate_pairs(pair_files(folder / "gt", folder / "pred", info.label_ending(), false), info);
  const Json expected = read_json(folder / "summary.json");
  expect_same_json(to_json(summary), expected, "");
  EXPECT_THAT(summary.foreground_mean_dice(),
              ::testing::NanSensitiveDoubleNear(expected["foreground_mean"]["Dice"].get<double>(),
                                                testing::kScoreRelative));
}

/// Where the reference file of a manifest's case lies in the shared folder.
fs::path source_of(const std::string& name) {
  const auto after = [&](const std::string& part) { return name.substr(name.find(part) + part.size()); };
  const std::pair<std::string, fs::path> places[] = {
      {"shared/data/", "data"},
      {"Dataset901_AnisoA/", "goldens/pipeline/aniso_A/raw"},
      {"Dataset903_AnisoC_regions_ignore/", "goldens/pipeline/aniso_C/raw"}};
  for (const auto& [part, folder] : places)
    if (name.find(part) != std::string::npos) return shared_folder() / folder / after(part);
  return {};
}

/// The reference is its source, of which a label may have been taken away.
void expect_made_of(const Labels& reference, const Labels& source) {
  ASSERT_EQ(reference.shape, source.shape);
  std::size_t differ = 0;
  for (std::size_t i = 0; i < reference.data.size(); ++i)
    differ += reference.data[i] != source.data[i] && reference.data[i] != 0;
  EXPECT_EQ(differ, 0u);
}

/// What was done to the reference to make the prediction shows in the scores.
void expect_kind(const std::string& kind, const std::vector<OverlapScores>& labels) {
  const auto all = [&](auto&& rule) { return std::ranges::all_of(labels, rule); };
  const auto perfect = [](const OverlapScores& label) { return label.fp + label.fn == 0; };
  const auto gone = [](const OverlapScores& label) { return label.tp + label.fp == 0; };
  EXPECT_EQ(all(gone), kind == "empty");
  if (kind == "shift") {
    EXPECT_TRUE(all([](const auto& label) { return label.fp == label.fn; }));
  } else if (kind == "islands") {
    EXPECT_TRUE(all([](const auto& label) { return label.fn == 0; }));
    EXPECT_GT(labels[0].fp, 0);
  } else if (kind == "erode1_dilate2") {
    EXPECT_EQ(labels.at(0).fp, 0);
    EXPECT_EQ(labels.at(1).fn, 0);
  } else if (kind == "missing_label") {
    EXPECT_TRUE(all([&](const auto& label) { return perfect(label) || gone(label); }));
  } else if (kind == "full_perfect") {  // but for a label that the reference lost afterwards
    EXPECT_TRUE(all([&](const auto& label) { return perfect(label) || label.tp + label.fn == 0; }));
  } else {
    EXPECT_FALSE(all(perfect)) << kind;
  }
}

TEST_P(SummaryGolden, ShowsHowThePredictionsWereMade) {
  SEG_REQUIRE_SHARED("goldens/pipeline/evaluation");
  const fs::path folder = shared_folder() / "goldens/pipeline/evaluation" / GetParam();
  const DatasetInfo info = read_dataset_info(folder / "dataset.json");
  const Json manifest = read_json(folder / "manifest.json");
  const auto pairs = pair_files(folder / "gt", folder / "pred", info.label_ending(), false);
  const Summary summary = evaluate_pairs(pairs, info);
  ASSERT_EQ(summary.cases.size(), manifest.size());
  for (const auto& scores : summary.cases) {
    const std::string name = case_name(scores.reference_file);
    SCOPED_TRACE(name);
    const Json& made = manifest.at(name);
    const fs::path source = source_of(get<std::string>(made, "source"));
    ASSERT_TRUE(fs::exists(source)) << source;
    expect_made_of(read_labels(scores.reference_file).voxels, read_labels(source).voxels);
    expect_kind(get<std::string>(made, "prediction"), scores.labels);
  }
}

INSTANTIATE_TEST_SUITE_P(Goldens, SummaryGolden,
                         ::testing::Values("hippocampus", "anisotropic", "regions_ignore"),
                         [](const auto& row) { return std::string(row.param); });

TEST(OverlapScores, AreNanWhereBothAreEmpty) {
  EXPECT_TRUE(std::isnan(OverlapScores{}.dice()));
  EXPECT_TRUE(std::isnan(OverlapScores{}.iou()));
  const OverlapScores missed{0, 0, 3, 9};
  EXPECT_EQ(missed.dice(), 0.0);
  EXPECT_EQ(missed.iou(), 0.0);
}

TEST(ScoreOverlap, CountsEveryLabelLikeAPlainLoop) {
  Rng rng(5);
  Labels reference({1, 3, 20, 30}), prediction({1, 3, 20, 30});
  for (auto& value : reference.data) value = static_cast<std::int32_t>(rng.below(6)) - 1;  // -1 .. 4
  for (auto& value : prediction.data) value = static_cast<std::int32_t>(rng.below(6)) - 1;
  prediction.data[7] = 70000;  // far beyond any label
  const std::vector<LabelEntry> labels{kLiver, {"three", {3}}, {"region", {1, 2, 3}}};
  for (const std::optional<int> ignore : {std::optional<int>(), std::optional<int>(4)}) {
    const auto scores = score_overlap(reference, prediction, labels, ignore);
    ASSERT_EQ(scores.size(), labels.size());
    for (std::size_t l = 0; l < labels.size(); ++l) {
      const auto inside = [&](std::int32_t value) {
        return std::count(labels[l].values.begin(), labels[l].values.end(), value) > 0;
      };
      OverlapScores expected;
      for (std::size_t i = 0; i < reference.data.size(); ++i) {
        if (ignore == reference.data[i]) continue;
        const bool r = inside(reference.data[i]), p = inside(prediction.data[i]);
        expected.tp += r && p;
        expected.fp += !r && p;
        expected.fn += r && !p;
        expected.tn += !r && !p;
      }
      EXPECT_EQ(scores[l].tp, expected.tp);
      EXPECT_EQ(scores[l].fp, expected.fp);
      EXPECT_EQ(scores[l].fn, expected.fn);
      EXPECT_EQ(scores[l].tn, expected.tn);
    }
  }
}

TEST(ScoreOverlap, RefusesDifferentSizes) {
  const auto message = error_of([] {
    score_overlap(row_of({1, 2}), row_of({1, 2, 0}), {kLiver}, std::nullopt);
  });
  EXPECT_THAT(message, HasSubstr("differ in size"));
}

TEST(Summary, LeavesUndefinedCasesOutOfALabelButNotOutOfTheForeground) {
  // liver: Dice 1 and 0.5; tumour: nowhere defined.
  const Summary summary{{kLiver, kTumour},
                        {{"a.nii.gz", "a.nii.gz", {{4, 0, 0, 4}, {0, 0, 0, 8}}},
                         {"b.nii.gz", "b.nii.gz", {{1, 1, 1, 5}, {0, 0, 0, 8}}},
                         {"c.nii.gz", "c.nii.gz", {{0, 0, 0, 8}, {0, 0, 0, 8}}}}};
  EXPECT_DOUBLE_EQ(summary.mean_dice(0), 0.75);
  EXPECT_TRUE(std::isnan(summary.mean_dice(1)));
  EXPECT_TRUE(std::isnan(summary.foreground_mean_dice()));
  EXPECT_DOUBLE_EQ(summary.cases[1].mean_dice(), 0.5);
  EXPECT_TRUE(std::isnan(summary.cases[2].mean_dice()));
}

TEST(Summary, SortsLabelKeysAsText) {
  Summary summary{{{"two", {2}}, {"ten", {10}}, kWhole}, {{"a", "a", {{}, {}, {}}}}};
  const Json json = to_json(summary);
  std::vector<std::string> keys;
  for (const auto& [key, value] : json["mean"].items()) keys.push_back(key);
  EXPECT_THAT(keys, ::testing::ElementsAre("(1, 2)", "10", "2"));
  EXPECT_THAT(to_text(json), HasSubstr("\"Dice\": NaN"));
}

/// Reference and prediction folders with small files.
class EvaluateFolders : public ::testing::Test {
 protected:
  EvaluateFolders() {
    make_folder(folder_ / "gt");
    make_folder(folder_ / "pred");
  }
  void write(const std::string& name, const Labels& labels, double spacing_x = 1) {
    write_labels(folder_ / name, labels, {3, {1, 1, spacing_x}});
  }
  Summary evaluate() {
    return evaluate_pairs(pair_files(folder_ / "gt", folder_ / "pred", ".nii.gz", false), two_labels());
  }

  TemporaryFolder folder_;
};

TEST_F(EvaluateFolders, ScoresPairsInOrderOfNames) {
  for (const std::string name : {"b", "a", "c"}) {
    write("gt/" + name + ".nii.gz", row_of({0, 1, 1, 2}));
    write("pred/" + name + ".nii.gz", name == "b" ? row_of({0, 0, 1, 2}) : row_of({0, 1, 1, 2}));
  }
  const Summary summary = evaluate();
  ASSERT_EQ(summary.cases.size(), 3u);
  EXPECT_THAT(summary.cases[1].prediction_file, ::testing::EndsWith("pred/b.nii.gz"));
  EXPECT_DOUBLE_EQ(summary.cases[0].mean_dice(), 1.0);
  EXPECT_DOUBLE_EQ(summary.cases[1].labels[0].dice(), 2.0 / 3.0);
}

TEST_F(EvaluateFolders, NamesMissingPredictions) {
  write("gt/a.nii.gz", row_of({1}));
  write("gt/b.nii.gz", row_of({1}));
  write("pred/a.nii.gz", row_of({1}));
  EXPECT_THAT(error_of([&] { evaluate(); }), HasSubstr("1 of 2 references have no prediction in"));
  EXPECT_THAT(error_of([&] { evaluate(); }), HasSubstr("b.nii.gz"));
  EXPECT_EQ(pair_files(folder_ / "gt", folder_ / "pred", ".nii.gz", true).size(), 1u);
}

TEST_F(EvaluateFolders, NamesMissingReferences) {
  write("gt/a.nii.gz", row_of({1}));
  write("gt/b.nii.gz", row_of({1}));
  const auto pair = [&] { return pair_predictions(folder_ / "gt", folder_ / "pred", ".nii.gz"); };
  EXPECT_THAT(error_of(pair), HasSubstr("no .nii.gz file in"));
  write("pred/a.nii.gz", row_of({1}));
  EXPECT_EQ(pair().size(), 1u);
  write("pred/c.nii.gz", row_of({1}));
  EXPECT_THAT(error_of(pair), HasSubstr("gt/c.nii.gz is missing"));
}

TEST_F(EvaluateFolders, NamesEmptyFolders) {
  EXPECT_THAT(error_of([&] { evaluate(); }), HasSubstr("no .nii.gz file in"));
  write("gt/a.nii.gz", row_of({1}));
  EXPECT_THAT(error_of([&] { evaluate(); }), ::testing::ContainsRegex("no .nii.gz file in .*pred"));
  write("pred/other.nii.gz", row_of({1}));
  EXPECT_THAT(error_of([&] { pair_files(folder_ / "gt", folder_ / "pred", ".nii.gz", true); }),
              HasSubstr("1 of 1 references have no prediction"));
}

TEST_F(EvaluateFolders, RefusesAnotherGrid) {
  write("gt/a.nii.gz", row_of({1, 2}));
  write("pred/a.nii.gz", row_of({1, 2, 0}));
  EXPECT_THAT(error_of([&] { evaluate(); }), HasSubstr("pred/a.nii.gz"));
  write("pred/a.nii.gz", row_of({1, 2}), 2.5);
  EXPECT_THAT(error_of([&] { evaluate(); }), HasSubstr("spacing"));
}

TEST_F(EvaluateFolders, WarnsAboutUnknownValues) {
  write("gt/a.nii.gz", row_of({1, 2}));
  write("pred/a.nii.gz", row_of({1, 7}));
  ::testing::internal::CaptureStderr();
  const Summary summary = evaluate();
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(said, HasSubstr("pred/a.nii.gz"));
  EXPECT_THAT(said, ::testing::ContainsRegex("count as background: 7"));
  EXPECT_EQ(summary.cases[0].labels[1].fn, 1);
}

TEST(SummaryJson, HasExtraMetricsBesideNnunets) {
  const Metric &hd = find_metric("HD"), &nsd = find_metric("NSD");
  Summary summary{{kLiver}, {{"gt/a.nii.gz", "a", {{4, 0, 0, 4}}, {{0.25, 0.5}}}}, {&nsd, &hd}};
  const Json json = to_json(summary);
  EXPECT_EQ(json["metric_per_case"][0]["metrics"]["1"]["HD"], 0.5);
  EXPECT_EQ(json["mean"]["1"]["NSD"], 0.25);
  EXPECT_EQ(json["foreground_mean"]["NSD"], 0.25);
  EXPECT_FALSE(json["mean"]["1"].contains("HD95"));
  EXPECT_THAT(error_of([&] { summary.value(0, 0, find_metric("ASD")); }), HasSubstr("ASD was not computed"));
}

TEST(SummaryCsv, HasALinePerCaseAndLabel) {
  const LabelEntry odd{"left, \"upper\"", {2}};
  const Summary summary{{kLiver, odd}, {{"gt/a.nii.gz", "a", {{3, 1, 0, 4}, {0, 0, 0, 8}}}}};
  EXPECT_EQ(to_csv(summary),
            "case,label,Dice,FN,FP,IoU,TN,TP,n_pred,n_ref\n"
            "a,liver,0.8571428571428571,0,1,0.75,4,3,4,3\n"
            "a,\"left, \"\"upper\"\"\",,0,0,,8,0,0,0\n");
}

const Summary kThreeCases{{kLiver, kTumour},
                          {{"gt/a.nii.gz", "", {{4, 0, 0, 4}, {0, 0, 0, 8}}},
                           {"gt/b.nii.gz", "", {{1, 1, 1, 5}, {2, 0, 2, 4}}},
                           {"gt/c.nii.gz", "", {{0, 1, 0, 7}, {1, 0, 0, 7}}}}};

TEST(SummaryTable, ShowsCasesLabelsAndTheWorst) {
  const std::string expected =
      "Dice   liver  tumour    mean\n"
      "----------------------------\n"
      "a     1.0000       -  1.0000\n"
      "b     0.5000  0.6667  0.5833\n"
      "c     0.0000  1.0000  0.5000\n"
      "\n"
      "Dice          mean     95 % interval  median     min  cases\n"
      "-----------------------------------------------------------\n"
      "liver       0.5000  0.0000 .. 1.0000  0.5000  0.0000    3/3\n"
      "tumour      0.8333  0.6667 .. 1.0000  0.8333  0.6667    2/3\n"
      "-----------------------------------------------------------\n"
      "foreground  0.6667\n"
      "worst cases: c 0.5000, b 0.5833, a 1.0000\n"
      "not defined: tumour in 1 case (a)\n";
  EXPECT_THAT(to_table(kThreeCases, true), ::testing::StartsWith("IoU           mean"));
  EXPECT_THAT(to_table(kThreeCases, true), ::testing::EndsWith("\n\n" + expected));  // Dice last
  EXPECT_THAT(to_table(kThreeCases, false), ::testing::Not(HasSubstr("tumour    mean")));
}

TEST(SummaryStatistics, HoldWhatTheTablesShow) {
  const auto tables = score_tables(kThreeCases);
  const Json dice = statistics_json(tables)["Dice"];
  const Json liver = dice["labels"]["liver"];
  EXPECT_EQ(liver["mean"], 0.5);
  EXPECT_EQ(liver["low"], 0);
  EXPECT_EQ(liver["high"], 1);
  EXPECT_EQ(liver["median"], 0.5);
  EXPECT_EQ(liver["worst"], 0);
  EXPECT_EQ(liver["worst_case"], "c");
  EXPECT_EQ(dice["labels"]["tumour"]["defined"], 2);
  EXPECT_EQ(dice["labels"]["tumour"]["cases"], 3);
  EXPECT_EQ(dice["foreground"], kThreeCases.foreground_mean_dice());
  ASSERT_EQ(dice["worst_cases"].size(), 3u);
  EXPECT_EQ(dice["worst_cases"][0], (Json{{"case", "c"}, {"score", 0.5}}));
  EXPECT_THAT(statistics_csv(tables),
              ::testing::StartsWith("metric,label,mean,low,high,median,worst,worst_case,defined,cases\n"
                                    "Dice,liver,0.5,0,1,0.5,0,c,3,3\n"));
  EXPECT_THAT(statistics_csv(tables), HasSubstr("\nDice,foreground,0.66666666666666"));
}

}  // namespace
}  // namespace seg
