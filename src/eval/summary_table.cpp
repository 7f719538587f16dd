// The tables that `evaluate` prints.
#include <algorithm>

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

std::vector<ScoreTable> score_tables(const Summary& summary) {
  std::vector<ScoreTable> tables{score_table(summary, find_metric("Dice")),
                                 score_table(summary, find_metric("IoU"))};
  for (const Metric* metric : summary.extra_metrics) tables.push_back(score_table(summary, *metric));
  return tables;
}

std::string to_table(const Summary& summary, bool per_case) {
  auto tables = score_tables(summary);
  std::rotate(tables.begin(), tables.begin() + 1, tables.end());  // Dice last, where the eye ends
  std::string text;
  for (const ScoreTable& table : tables) {
    if (!text.empty()) text += "\n";
    if (per_case && table.metric != "IoU") text += cases_text(table) + "\n";
    text += statistics_text(table);
  }
  return text;
}

}  // namespace seg
