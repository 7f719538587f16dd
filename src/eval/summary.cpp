#include "eval/summary.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "base/error.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/threads.h"
#include "eval/statistics.h"
#include "image/image_io.h"

namespace seg {
namespace {

constexpr std::size_t kNamesInMessages = 3;

double ratio(std::int64_t numerator, std::int64_t denominator) {
  return denominator == 0 ? std::numeric_limits<double>::quiet_NaN()
                          : static_cast<double>(numerator) / static_cast<double>(denominator);
}

/// Numbers the label values of interest 1, 2, ...; every other value is 0.
class ValueIndex {
 public:
  explicit ValueIndex(const std::set<int>& values) {
    for (const int value : values) {
      if (value < 0) continue;
      table_.resize(static_cast<std::size_t>(value) + 1);
      table_.back() = ++count_;
    }
  }
  std::size_t count() const { return count_ + 1; }
  std::size_t operator()(std::int32_t value) const {
    const auto i = static_cast<std::size_t>(value);  // negative values become huge
    return i < table_.size() ? table_[i] : 0;
  }

 private:
  std::vector<std::size_t> table_;
  std::size_t count_ = 0;
};

/// The values of a label map that are neither background nor known, ascending.
std::set<int> unknown_values(const Labels& labels, const DatasetInfo& info) {
  std::set<int> known{0}, unknown;
  for (const auto& label : info.labels) known.insert(label.values.begin(), label.values.end());
  std::int32_t last = 0;  // neighbours are mostly equal: ask the set only where the value changes
  for (const auto value : labels.data) {
    if (value == last) continue;
    last = value;
    if (!known.contains(value)) unknown.insert(value);
  }
  return unknown;
}

void warn_unknown_values(const fs::path& file, const Labels& labels, const DatasetInfo& info) {
  const auto unknown = unknown_values(labels, info);
  if (unknown.empty()) return;
  const std::vector<int> values(unknown.begin(), unknown.end());
  const auto shown = std::span(values).first(std::min<std::size_t>(values.size(), 10));
  warn("{}: values that dataset.json does not list count as background: {}{}", file.string(),
       fmt::join(shown, ", "), shown.size() < values.size() ? ", ..." : "");
}

std::vector<OverlapScores> score_files(const ScoredPair& pair, const std::vector<LabelEntry>& labels,
                                       const DatasetInfo& info) {
  const LoadedLabels reference = read_labels(pair.reference);
  const LoadedLabels prediction = read_labels(pair.prediction);
  check_same_grid(reference.geometry, reference.voxels.space(), pair.reference.string(), prediction.geometry,
                  prediction.voxels.space(), pair.prediction.string());
  warn_unknown_values(pair.reference, reference.voxels, info);
  warn_unknown_values(pair.prediction, prediction.voxels, info);
  return score_overlap(reference.voxels, prediction.voxels, labels, info.ignore_label());
}

[[noreturn]] void fail_missing(const std::vector<std::string>& missing, std::size_t references,
                               const fs::path& prediction_folder) {
  const auto shown = std::span(missing).first(std::min(missing.size(), kNamesInMessages));
  throw Error(fmt::format("{} of {} references have no prediction in {}: {}{}", missing.size(), references,
                          prediction_folder.string(), fmt::join(shown, ", "),
                          shown.size() < missing.size() ? ", ..." : ""),
              "predict them, or score only what was predicted (evaluate --skip-missing)");
}

}  // namespace

double OverlapScores::dice() const {
  return ratio(2 * tp, 2 * tp + fp + fn);
}

double OverlapScores::iou() const {
  return ratio(tp, tp + fp + fn);
}

double CaseScores::mean_dice() const {
  std::vector<double> dice;
  for (const auto& label : labels) dice.push_back(label.dice());
  return nan_mean(dice);
}

double Summary::mean_dice(std::size_t label) const {
  std::vector<double> dice;
  for (const auto& scores : cases) dice.push_back(scores.labels[label].dice());
  return nan_mean(dice);
}

double Summary::foreground_mean_dice() const {
  std::vector<double> means;
  for (std::size_t i = 0; i < labels.size(); ++i) means.push_back(mean_dice(i));
  return pairwise_sum(means) / static_cast<double>(labels.size());
}

std::vector<OverlapScores> score_overlap(const Labels& reference, const Labels& prediction,
                                         const std::vector<LabelEntry>& labels,
                                         std::optional<int> ignore_label) {
  if (reference.shape != prediction.shape) {
    fail("reference and prediction differ in size: {} and {}", fmt::join(reference.shape, "x"),
         fmt::join(prediction.shape, "x"));
  }
  std::set<int> values;
  for (const auto& label : labels) values.insert(label.values.begin(), label.values.end());
  if (ignore_label) values.insert(*ignore_label);
  const ValueIndex index(values);

  // One pass for all labels: how often each pair of values meets. [reference value, prediction value]
  const std::size_t n = index.count();
  std::vector<std::int64_t> pairs(n * n);
  for (std::size_t i = 0; i < reference.data.size(); ++i)
    ++pairs[index(reference.data[i]) * n + index(prediction.data[i])];
  if (ignore_label) std::fill_n(pairs.begin() + static_cast<std::ptrdiff_t>(index(*ignore_label) * n), n, 0);

  std::vector<OverlapScores> scores;
  for (const auto& label : labels) {
    std::vector<bool> inside(n, false);
    for (const int value : label.values) inside[index(value)] = true;
    OverlapScores& score = scores.emplace_back();
    for (std::size_t r = 0; r < n; ++r) {
      for (std::size_t p = 0; p < n; ++p) {
        auto& count = inside[r] ? (inside[p] ? score.tp : score.fn) : (inside[p] ? score.fp : score.tn);
        count += pairs[r * n + p];
      }
    }
  }
  return scores;
}

std::vector<ScoredPair> pair_files(const fs::path& reference_folder, const fs::path& prediction_folder,
                                   const std::string& file_ending, bool skip_missing) {
  const auto references = list_files(reference_folder, file_ending);
  if (references.empty()) fail("no {} file in {}", file_ending, reference_folder.string());
  if (list_files(prediction_folder, file_ending).empty())
    fail("no {} file in {}", file_ending, prediction_folder.string());
  std::vector<ScoredPair> pairs;
  std::vector<std::string> missing;
  for (const auto& reference : references) {
    const fs::path prediction = prediction_folder / reference.filename();
    if (fs::exists(prediction)) {
      pairs.push_back({reference, prediction});
    } else {
      missing.push_back(reference.filename().string());
    }
  }
  if (!missing.empty() && (!skip_missing || pairs.empty()))
    fail_missing(missing, references.size(), prediction_folder);
  return pairs;
}

Summary evaluate_pairs(std::span<const ScoredPair> pairs, const DatasetInfo& info) {
  Summary summary{info.foreground(), {}};
  summary.cases.resize(pairs.size());
  Progress progress("evaluate", static_cast<std::int64_t>(pairs.size()), "case");
  parallel_for(static_cast<std::int64_t>(pairs.size()), [&](std::int64_t i) {
    const auto& pair = pairs[static_cast<std::size_t>(i)];
    summary.cases[static_cast<std::size_t>(i)] = {pair.reference.string(), pair.prediction.string(),
                                                  score_files(pair, summary.labels, info)};
    progress.advance();
  });
  return summary;
}

Summary evaluate_folders(const fs::path& reference_folder, const fs::path& prediction_folder,
                         const DatasetInfo& info) {
  return evaluate_pairs(pair_files(reference_folder, prediction_folder, info.label_ending(), false), info);
}

}  // namespace seg
