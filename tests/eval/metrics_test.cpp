// The table of metrics, and what feeds it: cutting labels, means and intervals.
#include "eval/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/rng.h"
#include "base/threads.h"
#include "eval/label_masks.h"
#include "eval/statistics.h"
#include "eval/summary.h"
#include "image/image_io.h"
#include "support/errors.h"
#include "support/folder.h"

namespace seg {
namespace {

using testing::error_of;
using ::testing::HasSubstr;

TEST(Metrics, AreSortedAndFoundByName) {
  const auto metrics = all_metrics();
  EXPECT_TRUE(std::is_sorted(metrics.begin(), metrics.end(), [](const Metric& a, const Metric& b) {
    return std::string_view(a.name) < b.name;
  }));
  for (const auto& metric : metrics) EXPECT_EQ(&find_metric(metric.name), &metric);
  EXPECT_STREQ(find_metric("hd95").name, "HD95");
  EXPECT_THAT(error_of([] { find_metric("HD59"); }), HasSubstr("unknown metric \"HD59\""));
}

/// Every metric of two label maps, as `evaluate` computes it.
double score(const std::string& name, const Labels& reference, const Labels& prediction) {
  testing::TemporaryFolder folder;
  write_labels(folder / "a.nii.gz", reference, {3, {1, 2, 3}});
  write_labels(folder / "b.nii.gz", prediction, {3, {1, 2, 3}});
  DatasetInfo info;
  info.labels = {{"background", {0}}, {"liver", {1}}};
  const Metric& metric = find_metric(name);
  EvaluationSettings settings{.nsd_tolerances = {2.5}};
  if (!metric.in_summary) settings.extra_metrics = {&metric};
  const std::vector<ScoredPair> pairs{{folder / "a.nii.gz", folder / "b.nii.gz"}};
  return evaluate_pairs(pairs, info, settings).value(0, 0, metric);
}

TEST(Metrics, OfEqualMovedMissingAndAbsentLabels) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  struct Row {
    const char* name;
    double equal, moved, missing, absent;
  };
  // A bar of two voxels moved by one of 3 mm along x: of its surface, four corners at one end are apart, each
  // a triangle over half edges of 0.5, 1 and 1.5 mm; four edges of 3 mm lie between the corners.
  const double corner = 0.875, edge = 3 * std::sqrt(1.25), apart = corner / (2 * corner + edge);
  const std::vector<Row> rows{{"Dice", 1, 0.5, 0, nan},
                              {"IoU", 1, 1.0 / 3, 0, nan},
                              {"HD", 0, 3, inf, nan},
                              {"HD95", 0, 3, inf, nan},
                              {"ASD", 0, 3 * apart, inf, nan},
                              {"NSD", 1, 1 - apart, 0, nan},
                              {"F1", 1, 0, 0, nan},
                              {"TP", 2, 1, 0, 0},
                              {"FN", 0, 1, 2, 0},
                              {"FP", 0, 1, 0, 0},
                              {"TN", 43, 42, 43, 45},
                              {"n_ref", 2, 2, 2, 0},
                              {"n_pred", 2, 2, 0, 0}};
  EXPECT_EQ(rows.size(), all_metrics().size());
  const Labels empty({1, 3, 3, 5});
  Labels reference = empty, moved = empty;
  reference.at(0, 1, 1, 1) = reference.at(0, 1, 1, 2) = 1;
  moved.at(0, 1, 1, 2) = moved.at(0, 1, 1, 3) = 1;
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_THAT(score(row.name, reference, reference), ::testing::NanSensitiveDoubleEq(row.equal));
    EXPECT_NEAR(score(row.name, reference, moved), row.moved, 1e-12);
    EXPECT_THAT(score(row.name, reference, empty), ::testing::NanSensitiveDoubleEq(row.missing));
    EXPECT_THAT(score(row.name, empty, empty), ::testing::NanSensitiveDoubleEq(row.absent));
  }
}

TEST(Metrics, DoNotDependOnTheNumberOfThreads) {
  Rng rng(2);
  Labels reference({1, 4, 12, 13}), prediction({1, 4, 12, 13});
  for (auto& value : reference.data) value = rng.chance(0.4);
  for (auto& value : prediction.data) value = rng.chance(0.4);
  for (const std::string name : {"NSD", "HD95", "ASD", "F1"}) {
    set_thread_count(1);
    const double serial = score(name, reference, prediction);
    set_thread_count(4);
    EXPECT_EQ(score(name, reference, prediction), serial) << name;
  }
  set_thread_count(0);
}

TEST(LabelCutter, CutsRegionsAndLeavesTheIgnoreLabelOut) {
  Labels reference({1, 2, 4, 6}), prediction({1, 2, 4, 6});
  reference.at(0, 0, 1, 2) = 1;
  reference.at(0, 1, 3, 4) = 2;
  reference.at(0, 1, 0, 0) = 9;
  prediction.at(0, 1, 0, 0) = 2;
  prediction.at(0, 1, 3, 4) = 1;
  const Labels square({1, 1, 3, 3}, 1);
  const LabelCutter cutter(reference, prediction, {3, 2, 1}, 9);
  const auto region = cutter.cut({1, 2});
  EXPECT_EQ(region.size, (Shape3{2, 4, 5}));
  EXPECT_EQ(region.spacing, (Vec3{3, 2, 1}));
  const auto ones = [](const std::vector<std::uint8_t>& mask) {
    return std::count(mask.begin(), mask.end(), 1);
  };
  EXPECT_EQ(ones(region.reference), 2);
  EXPECT_EQ(ones(region.prediction), 1);  // the other one lies on the ignore label
  EXPECT_EQ(region.prediction[static_cast<std::size_t>((1 * 4 + 3) * 5 + 4)], 1);
  EXPECT_EQ(cutter.reference_box({1}).from, (Shape3{0, 1, 2}));
  EXPECT_FALSE(cutter.cut({1}, cutter.reference_box({1})).picture);  // one slice, but of a volume
  EXPECT_TRUE(LabelCutter(square, square, {999, 1, 1}).cut({1}).picture);
  EXPECT_TRUE(cutter.box({5}).empty());
  EXPECT_EQ(cutter.cut({5}).reference.size(), 0u);
  EXPECT_THAT(error_of([&] {
                LabelCutter(reference, Labels({1, 2, 4, 5}), {1, 1, 1});
              }),
              HasSubstr("differ in size"));
}

TEST(BootstrapMean, CoversTheMeanAsOftenAsItSays) {
  Rng rng(1);
  int covered = 0;
  for (int round = 0; round < 200; ++round) {
    std::vector<double> values(40);
    for (double& value : values) value = rng.normal();
    const auto interval = bootstrap_mean(values);
    covered += interval.low <= 0 && 0 <= interval.high;
    EXPECT_NEAR(interval.high - interval.low, 2 * 1.96 / std::sqrt(40), 0.3);
  }
  EXPECT_GE(covered, 178);  // 190 of 200 expected; a bootstrap of 40 values covers a little less
}

TEST(BootstrapMean, IsTheSameEveryTime) {
  const std::vector<double> values{0.2, 0.9, 0.7, 0.5}, one{0.5};
  EXPECT_EQ(bootstrap_mean(values).low, bootstrap_mean(values).low);
  EXPECT_TRUE(std::isnan(bootstrap_mean(one).low));
}

}  // namespace
}  // namespace seg
