// Scores for programs: summary.json, key by key as nnU-Net writes it, and a table.
#include <algorithm>
#include <map>

#include "base/json.h"
#include "eval/statistics.h"
#include "eval/summary.h"

namespace seg {
namespace {

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

/// nnU-Net's metrics and the extra ones, sorted by name as the file is.
std::vector<const Metric*> metrics_of(const Summary& summary) {
  std::vector<const Metric*> metrics;
  for (const auto& metric : all_metrics()) {
    const auto& extra = summary.extra_metrics;
    if (metric.in_summary || std::find(extra.begin(), extra.end(), &metric) != extra.end())
      metrics.push_back(&metric);
  }
  return metrics;
}

Json values_of(const Summary& summary, std::size_t index, std::size_t label) {
  Json json = Json::object();
  for (const Metric* metric : metrics_of(summary)) {
    const double value = summary.value(index, label, *metric);
    if (metric->whole) {
      json[metric->name] = static_cast<std::int64_t>(value);
    } else {
      json[metric->name] = value;
    }
  }
  return json;
}

}  // namespace

Json to_json(const Summary& summary) {
  const auto labels = sorted_labels(summary);
  Json foreground = Json::object(), means = Json::object(), cases = Json::array();
  for (const Metric* metric : metrics_of(summary)) {
    const ScoreTable table = score_table(summary, *metric);
    for (const auto& [key, label] : labels) means[key][metric->name] = nan_mean(table.of_label(label));
    foreground[metric->name] = table.overall;
  }
  for (std::size_t i = 0; i < summary.cases.size(); ++i) {
    const CaseScores& scores = summary.cases[i];
    Json metrics = Json::object();
    for (const auto& [key, label] : labels) metrics[key] = values_of(summary, i, label);
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

std::string to_csv(const Summary& summary) {
  const auto metrics = metrics_of(summary);
  std::string text = "case,label";
  for (const Metric* metric : metrics) text += fmt::format(",{}", metric->name);
  text += "\n";
  for (std::size_t i = 0; i < summary.cases.size(); ++i) {
    for (std::size_t label = 0; label < summary.labels.size(); ++label) {
      text += fmt::format("{},{}", csv_text(case_name(summary.cases[i].reference_file)),
                          csv_text(summary.labels[label].name));
      for (const Metric* metric : metrics)
        text += fmt::format(",{}", csv_number(summary.value(i, label, *metric)));
      text += "\n";
    }
  }
  return text;
}

}  // namespace seg
