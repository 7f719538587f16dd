// The tables that `evaluate` prints.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "eval/statistics.h"
#include "eval/summary.h"
#include "eval/text_table.h"

namespace seg {
namespace {

constexpr std::size_t kWorstCases = 3;

std::string case_name(const CaseScores& scores) {
  std::string name = fs::path(scores.reference_file).filename().string();
  return name.substr(0, name.find('.', 1));
}

std::string cases_table(const Summary& summary) {
  std::vector<std::string> header{"Dice"};
  for (const auto& label : summary.labels) header.push_back(label.name);
  header.push_back("mean");
  TextTable table(std::move(header));
  for (const auto& scores : summary.cases) {
    std::vector<std::string> row{case_name(scores)};
    for (const auto& label : scores.labels) row.push_back(format_score(label.dice()));
    row.push_back(format_score(scores.mean_dice()));
    table.add_row(std::move(row));
  }
  return table.text();
}

std::vector<std::string> label_row(const Summary& summary, std::size_t label) {
  std::vector<double> dice, iou;
  for (const auto& scores : summary.cases) {
    dice.push_back(scores.labels[label].dice());
    iou.push_back(scores.labels[label].iou());
  }
  const auto sorted = sorted_defined(dice);
  return {summary.labels[label].name,
          format_score(nan_mean(dice)),
          format_score(median_of_sorted(sorted)),
          format_score(sorted.empty() ? std::nan("") : sorted.front()),
          format_score(nan_mean(iou)),
          fmt::format("{}/{}", sorted.size(), dice.size())};
}

std::string labels_table(const Summary& summary) {
  TextTable table({"label", "mean Dice", "median", "min", "mean IoU", "cases"});
  for (std::size_t i = 0; i < summary.labels.size(); ++i) table.add_row(label_row(summary, i));
  table.add_rule();
  table.add_row({"foreground", format_score(summary.foreground_mean_dice()), "", "", "", ""});
  return table.text();
}

/// "worst cases: b 0.1000, a 0.2000"; "" with fewer than two cases.
std::string worst_cases(const Summary& summary) {
  std::vector<const CaseScores*> order;
  for (const auto& scores : summary.cases) {
    if (!std::isnan(scores.mean_dice())) order.push_back(&scores);
  }
  if (order.size() < 2) return {};
  std::stable_sort(order.begin(), order.end(),
                   [](const auto* a, const auto* b) { return a->mean_dice() < b->mean_dice(); });
  std::string line = "worst cases:";
  for (std::size_t i = 0; i < std::min(order.size(), kWorstCases); ++i)
    line +=
        fmt::format("{} {} {}", i == 0 ? "" : ",", case_name(*order[i]), format_score(order[i]->mean_dice()));
  return line + "\n";
}

}  // namespace

std::string to_table(const Summary& summary, bool per_case) {
  const std::string cases = per_case ? cases_table(summary) + "\n" : "";
  return cases + labels_table(summary) + worst_cases(summary);
}

}  // namespace seg
