#include "eval/objects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "base/rng.h"
#include "support/errors.h"

namespace seg {
namespace {

using ::testing::HasSubstr;

/// The most pairs that can be formed, by trying everything.
int most_pairs(const std::vector<std::vector<bool>>& allowed, std::size_t left, std::vector<bool>& taken) {
  if (left == allowed.size()) return 0;
  int best = most_pairs(allowed, left + 1, taken);
  for (std::size_t right = 0; right < taken.size(); ++right) {
    if (!allowed[left][right] || taken[right]) continue;
    taken[right] = true;
    best = std::max(best, 1 + most_pairs(allowed, left + 1, taken));
    taken[right] = false;
  }
  return best;
}

TEST(MatchObjects, FindsTheLargestMatching) {
  Rng rng(4);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::int32_t> a(60), b(60);
    for (auto& value : a) value = static_cast<std::int32_t>(rng.below(7)) * 100;
    for (std::size_t i = 0; i < b.size(); ++i)
      b[i] = rng.chance(0.6) ? a[i] / 100 : static_cast<std::int32_t>(rng.below(6)) - 1;
    std::map<std::int32_t, int> size_a, size_b;
    std::map<std::pair<std::int32_t, std::int32_t>, int> both;
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (a[i] > 0) ++size_a[a[i]];
      if (b[i] > 0) ++size_b[b[i]];
      if (a[i] > 0 && b[i] > 0) ++both[{a[i], b[i]}];
    }
    for (const double threshold : {0.05, 0.2, 0.5, 0.7, 1.0}) {
      std::vector<std::vector<bool>> allowed;
      for (const auto& [left, n] : size_a) {
        auto& row = allowed.emplace_back();
        for (const auto& [right, m] : size_b) {
          const int shared = both.count({left, right}) > 0 ? both[{left, right}] : 0;
          row.push_back(shared > 0 && static_cast<double>(shared) / (n + m - shared) >= threshold);
        }
      }
      std::vector<bool> taken(size_b.size());
      const auto counts = match_objects(overlap_objects(a, b), threshold);
      EXPECT_EQ(counts.reference, static_cast<std::int64_t>(size_a.size()));
      EXPECT_EQ(counts.prediction, static_cast<std::int64_t>(size_b.size()));
      EXPECT_EQ(counts.matched, most_pairs(allowed, 0, taken)) << "threshold " << threshold;
    }
  }
}

TEST(MatchObjects, TwoHalvesOfACellMatchOnce) {
  const std::vector<std::int32_t> whole{1, 1, 1, 1}, halves{1, 1, 2, 2};
  EXPECT_EQ(match_objects(overlap_objects(whole, halves), 0.5).matched, 1);
  EXPECT_EQ(match_objects(overlap_objects(halves, whole), 0.5).matched, 1);
  EXPECT_DOUBLE_EQ(match_objects(overlap_objects(halves, whole), 0.5).f1(), 2.0 / 3.0);
  EXPECT_TRUE(std::isnan(ObjectCounts{}.f1()));
}

TEST(OverlapObjects, RefusesDifferentSizes) {
  const std::vector<std::int32_t> a(3), b(4);
  EXPECT_THAT(testing::error_of([&] { overlap_objects(a, b); }), HasSubstr("3 and 4 voxels"));
}

/// A picture with the values of `rows`.
Labels picture(const std::vector<std::string>& rows) {
  Labels labels({1, 1, static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(rows[0].size())});
  std::size_t i = 0;
  for (const auto& row : rows) {
    for (const char c : row) labels.data[i++] = c == '.' ? 0 : c - '0';
  }
  return labels;
}

TEST(ScoreCells, LeavesCellsOnTheFrameOutOfCountsButNotOfDice) {
  const Labels instances = picture({"11......",  //
                                    "11......",  //
                                    "...22...",  //
                                    "...22...",  //
                                    "...22..3",  //
                                    "........",  //
                                    "........"});
  const Labels classes = picture({"11......",  //
                                  "11......",  //
                                  "...11...",  //
                                  "...12...",  // class 2 is a boundary, not a cell
                                  "...11...",  //
                                  "........",  //
                                  "........"});
  const std::vector<double> thresholds{0.5, 0.9};
  const auto inner = score_cells(instances, classes, thresholds, false);
  EXPECT_EQ(inner[0].reference, 1);  // 2; the cells 1 and 3 touch the frame
  EXPECT_EQ(inner[0].prediction, 1);
  EXPECT_EQ(inner[0].tp, 1);
  EXPECT_EQ(inner[0].f1, 1.0);
  EXPECT_EQ(inner[1].tp, 0);  // 5 of 6 pixels
  EXPECT_EQ(inner[1].fp, 1);
  EXPECT_EQ(inner[0].dice, 2.0 * 9 / (11 + 9));
  const auto all = score_cells(instances, classes, thresholds, true);
  EXPECT_EQ(all[0].reference, 3);
  EXPECT_EQ(all[0].tp, 2);
  EXPECT_EQ(all[0].fn, 1);
  EXPECT_DOUBLE_EQ(all[0].precision, 1.0);
  EXPECT_DOUBLE_EQ(all[0].recall, 2.0 / 3.0);
}

TEST(ScoreCells, EmptyPicturesAndPredictions) {
  const std::vector<double> thresholds{0.5};
  const Labels blank({1, 1, 9, 9});
  Labels one = blank;
  one.at(0, 0, 4, 4) = 1;
  const auto missed = score_cells(one, blank, thresholds, false).front();
  EXPECT_EQ(missed.reference, 1);
  EXPECT_EQ(missed.fn, 0);  // the paper's rule
  EXPECT_EQ(missed.f1, 0.0);
  const auto invented = score_cells(blank, one, thresholds, false).front();
  EXPECT_EQ(invented.fp, 1);
  EXPECT_EQ(invented.dice, 0.0);
  EXPECT_EQ(score_cells(blank, blank, thresholds, false).front().dice, 1.0);
  EXPECT_THAT(testing::error_of([&] {
                score_cells(blank, Labels({1, 2, 9, 9}), thresholds, false);
              }),
              HasSubstr("two pictures of one size"));
}

TEST(MatchPieces, CornersJoin) {
  MaskPair masks{.size = {1, 3, 4}};
  masks.reference = {1, 0, 0, 1,  //
                     0, 1, 0, 0,  //
                     0, 0, 0, 0};
  masks.prediction = {1, 0, 0, 0,  //
                      0, 1, 0, 0,  //
                      0, 0, 0, 1};
  const auto counts = match_pieces(masks, 0.5);
  EXPECT_EQ(counts.reference, 2);
  EXPECT_EQ(counts.prediction, 2);
  EXPECT_EQ(counts.matched, 1);
}

}  // namespace
}  // namespace seg
