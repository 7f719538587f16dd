// summary.json, key by key as nnU-Net writes it.
#include <array>
#include <map>

#include "base/json.h"
#include "eval/statistics.h"
#include "eval/summary.h"

namespace seg {
namespace {

/// A metric's key; exactly one of the two ways to get it is set, counts being whole numbers in the file.
struct Metric {
  const char* key;
  std::int64_t (*count)(const OverlapScores&);
  double (*share)(const OverlapScores&);
};

// Sorted by key, as the file is.
constexpr std::array<Metric, 8> kMetrics{
    {{"Dice", nullptr, [](const OverlapScores& s) { return s.dice(); }},
     {"FN", [](const OverlapScores& s) { return s.fn; }, nullptr},
     {"FP", [](const OverlapScores& s) { return s.fp; }, nullptr},
     {"IoU", nullptr, [](const OverlapScores& s) { return s.iou(); }},
     {"TN", [](const OverlapScores& s) { return s.tn; }, nullptr},
     {"TP", [](const OverlapScores& s) { return s.tp; }, nullptr},
     {"n_pred", [](const OverlapScores& s) { return s.tp + s.fp; }, nullptr},
     {"n_ref", [](const OverlapScores& s) { return s.tp + s.fn; }, nullptr}}};

/// "1" for a class, "(1, 2, 3)" for a region: Python's str() of an int and a tuple.
std::string label_key(const LabelEntry& label) {
  if (label.values.size() == 1) return std::to_string(label.values.front());
  return fmt::format("({})", fmt::join(label.values, ", "));
}

/// Label indices by key, in the order of the sorted keys.
std::map<std::string, std::size_t> sorted_labels(const Summary& summary) {
  std::map<std::string, std::size_t> order;
  for (std::size_t i = 0; i < summary.labels.size(); ++i) order.emplace(label_key(summary.labels[i]), i);
  return order;
}

Json metrics_of(const OverlapScores& scores) {
  Json json = Json::object();
  for (const auto& metric : kMetrics) {
    if (metric.count != nullptr) {
      json[metric.key] = metric.count(scores);
    } else {
      json[metric.key] = metric.share(scores);
    }
  }
  return json;
}

double mean_of(const Summary& summary, std::size_t label, const Metric& metric) {
  std::vector<double> values;
  for (const auto& scores : summary.cases) {
    const auto& s = scores.labels[label];
    values.push_back(metric.count != nullptr ? static_cast<double>(metric.count(s)) : metric.share(s));
  }
  return nan_mean(values);
}

}  // namespace

Json to_json(const Summary& summary) {
  const auto labels = sorted_labels(summary);
  Json foreground = Json::object(), means = Json::object(), cases = Json::array();
  for (const auto& metric : kMetrics) {
    std::vector<double> values;
    for (std::size_t label = 0; label < summary.labels.size(); ++label)
      values.push_back(mean_of(summary, label, metric));
    for (const auto& [key, label] : labels) means[key][metric.key] = values[label];
    // A plain mean: a label that is defined nowhere makes it NaN.
    foreground[metric.key] = pairwise_sum(values) / static_cast<double>(values.size());
  }
  for (const auto& scores : summary.cases) {
    Json metrics = Json::object();
    for (const auto& [key, label] : labels) metrics[key] = metrics_of(scores.labels[label]);
    cases.push_back({{"metrics", std::move(metrics)},
                     {"prediction_file", scores.prediction_file},
                     {"reference_file", scores.reference_file}});
  }
  return {{"foreground_mean", std::move(foreground)},
          {"mean", std::move(means)},
          {"metric_per_case", std::move(cases)}};
}

void write_summary(const fs::path& path, const Summary& summary) {
  write_text(path, to_text(to_json(summary)));
}

}  // namespace seg
