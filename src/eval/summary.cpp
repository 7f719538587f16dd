#include "eval/summary.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/log.h"
#include "base/threads.h"
#include "data/raw_case.h"
#include "eval/label_masks.h"
#include "eval/statistics.h"
#include "image/components.h"

namespace seg {
namespace {

constexpr std::size_t kNamesInMessages = 3;

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
  // Mostly the known values are 0, 1, ..., n and all are there.
  std::int32_t low = 0, high = 0;
  for (const auto value : labels.data) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  if (low == 0 && known.size() == static_cast<std::size_t>(*known.rbegin()) + 1 && high <= *known.rbegin())
    return {};
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

/// The extra metrics of every label, [label][metric].
std::vector<std::vector<double>> score_extra(const LabelCutter& cutter, const Summary& summary,
                                             const std::vector<OverlapScores>& overlaps,
                                             const EvaluationSettings& settings) {
  const auto needed = [&](Needs needs) {
    return std::any_of(summary.extra_metrics.begin(), summary.extra_metrics.end(),
                       [&](const Metric* metric) { return metric->needs == needs; });
  };
  const bool surface = needed(Needs::surface), objects = needed(Needs::objects);
  std::vector<std::vector<double>> values(summary.labels.size());
  parallel_for(static_cast<std::int64_t>(values.size()), [&](std::int64_t i) {
    const auto label = static_cast<std::size_t>(i);
    LabelMeasures measures;
    measures.overlap = overlaps[label];
    if (surface || objects) {
      const MaskPair masks = cutter.cut(summary.labels[label].values);
      if (surface) measures.surface = surface_distances(masks);
      if (objects) measures.objects = match_pieces(masks, settings.iou_threshold);
    }
    if (surface) measures.nsd_tolerance = settings.nsd_tolerances.at(label);
    for (const Metric* metric : summary.extra_metrics) values[label].push_back(metric->value(measures));
  });
  return values;
}

CaseScores score_files(const ScoredPair& pair, const LabelPair& labels, const Summary& summary,
                       const DatasetInfo& info, const EvaluationSettings& settings) {
  const auto& [reference, prediction] = labels;
  warn_unknown_values(pair.reference, reference.voxels, info);
  warn_unknown_values(pair.prediction, prediction.voxels, info);
  CaseScores scores{pair.reference.string(), pair.prediction.string(),
                    score_overlap(reference.voxels, prediction.voxels, summary.labels, info.ignore_label())};
  if (!summary.extra_metrics.empty()) {
    const LabelCutter cutter(reference.voxels, prediction.voxels, reference.geometry.spacing,
                             info.ignore_label());
    scores.extra = score_extra(cutter, summary, scores.labels, settings);
  }
  return scores;
}

std::string missing_text(const std::vector<std::string>& missing, std::size_t references,
                         const fs::path& prediction_folder) {
  const auto shown = std::span(missing).first(std::min(missing.size(), kNamesInMessages));
  return fmt::format("{} of {} references have no prediction in {}: {}{}", missing.size(), references,
                     prediction_folder.string(), fmt::join(shown, ", "),
                     shown.size() < missing.size() ? ", ..." : "");
}

}  // namespace

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

double Summary::value(std::size_t index, std::size_t label, const Metric& metric) const {
  if (metric.in_summary) return metric.value({cases[index].labels[label], {}, {}});
  const auto found = std::find(extra_metrics.begin(), extra_metrics.end(), &metric);
  if (found == extra_metrics.end()) fail("metric {} was not computed", metric.name);
  return cases[index].extra[label][static_cast<std::size_t>(found - extra_metrics.begin())];
}

std::string case_name(const fs::path& file) {
  const std::string name = file.filename().string();
  for (const std::string_view ending : kImageEndings) {
    if (name.ends_with(ending)) return name.substr(0, name.size() - ending.size());
  }
  return name;
}

void for_each_pair(std::string_view label, std::span<const ScoredPair> pairs,
                   const std::function<void(std::size_t, const LabelPair&)>& body) {
  std::vector<Case> cases;
  for (const auto& pair : pairs)
    cases.push_back({pair.prediction.filename().string(), {pair.reference, pair.prediction}, {}});
  for_each_case(label, cases, [&](std::size_t i) {
    const LabelPair labels{read_labels(pairs[i].reference), read_labels(pairs[i].prediction)};
    check_same_grid(labels.reference.geometry, labels.reference.voxels.space(), pairs[i].reference.string(),
                    labels.prediction.geometry, labels.prediction.voxels.space(),
                    pairs[i].prediction.string());
    body(i, labels);
  });
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
  for (std::size_t i = 0; i < reference.data.size();) {
    const std::int32_t r = reference.data[i], p = prediction.data[i];
    const std::size_t begin = i;  // neighbours are mostly equal: count them together
    while (i < reference.data.size() && reference.data[i] == r && prediction.data[i] == p) ++i;
    pairs[index(r) * n + index(p)] += static_cast<std::int64_t>(i - begin);
  }
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
                                   const FileEndings& endings, bool skip_missing) {
  const auto references = list_files(reference_folder, endings.reference);
  if (references.empty()) fail("no {} file in {}", endings.reference, reference_folder.string());
  if (list_files(prediction_folder, endings.prediction).empty())
    fail("no {} file in {}", endings.prediction, prediction_folder.string());
  std::vector<ScoredPair> pairs;
  std::vector<std::string> missing;
  for (const auto& reference : references) {
    std::string name = reference.filename().string();
    name.replace(name.size() - endings.reference.size(), std::string::npos, endings.prediction);
    if (fs::exists(prediction_folder / name)) {
      pairs.push_back({reference, prediction_folder / name});
    } else {
      missing.push_back(name);
    }
  }
  if (missing.empty()) return pairs;
  const std::string text = missing_text(missing, references.size(), prediction_folder);
  if (!skip_missing || pairs.empty())
    throw Error(text, "predict them, or score only what was predicted (evaluate --skip-missing)");
  warn("{}; they are not scored", text);
  return pairs;
}

std::vector<ScoredPair> pair_predictions(const fs::path& reference_folder, const fs::path& prediction_folder,
                                         const std::string& ending) {
  std::vector<ScoredPair> pairs;
  for (const auto& prediction : list_files(prediction_folder, ending)) {
    const fs::path reference = reference_folder / prediction.filename();
    if (!fs::exists(reference))
      throw Error(fmt::format("{} has no reference: {} is missing", prediction.string(), reference.string()),
                  "are these the references of this dataset?");
    pairs.push_back({reference, prediction});
  }
  if (pairs.empty()) fail("no {} file in {}", ending, prediction_folder.string());
  return pairs;
}

Summary evaluate_pairs(std::span<const ScoredPair> pairs, const DatasetInfo& info,
                       const EvaluationSettings& settings) {
  Summary summary{info.foreground(), {}, settings.extra_metrics};
  summary.cases.resize(pairs.size());
  for_each_pair("evaluate", pairs, [&](std::size_t i, const LabelPair& labels) {
    summary.cases[i] = score_files(pairs[i], labels, summary, info, settings);
  });
  return summary;
}

}  // namespace seg
