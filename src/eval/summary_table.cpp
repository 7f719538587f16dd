// The tables that `evaluate` prints.
#include "eval/statistics.h"
#include "eval/summary.h"

namespace seg {

ScoreTable score_table(const Summary& summary, const Metric& metric) {
  ScoreTable table;
  table.metric = metric.name;
  table.higher_is_better = metric.higher_is_better;
  for (const auto& label : summary.labels) table.labels.push_back(label.name);
  for (std::size_t i = 0; i < summary.cases.size(); ++i) {
    table.cases.push_back(case_name(summary.cases[i].reference_file));
    auto& row = table.values.emplace_back();
    for (std::size_t label = 0; label < summary.labels.size(); ++label)
      row.push_back(summary.value(i, label, metric));
  }
  // A plain mean: a label that is defined nowhere makes it NaN.
  std::vector<double> means;
  for (std::size_t label = 0; label < summary.labels.size(); ++label)
    means.push_back(nan_mean(table.of_label(label)));
  table.overall_name = "foreground";
  table.overall = pairwise_sum(means) / static_cast<double>(means.size());
  return table;
}

std::string to_table(const Summary& summary, bool per_case) {
  const Metric& iou = find_metric("IoU");
  std::vector<const Metric*> metrics{&find_metric("Dice"), &iou};
  metrics.insert(metrics.end(), summary.extra_metrics.begin(), summary.extra_metrics.end());
  std::string text;
  for (const Metric* metric : metrics) {
    const ScoreTable table = score_table(summary, *metric);
    if (!text.empty()) text += "\n";
    if (per_case && metric != &iou) text += cases_text(table) + "\n";
    text += statistics_text(table);
  }
  return text;
}

}  // namespace seg
