#include "eval/score_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "eval/statistics.h"
#include "eval/text_table.h"

namespace seg {
namespace {

constexpr std::size_t kCasesNamed = 3;

std::vector<std::string> label_row(const ScoreTable& table, std::size_t label) {
  const auto values = table.of_label(label);
  const auto sorted = sorted_defined(values);
  const auto interval = bootstrap_mean(sorted);
  double worst = std::numeric_limits<double>::quiet_NaN();
  if (!sorted.empty()) worst = table.higher_is_better ? sorted.front() : sorted.back();
  return {table.labels[label],
          format_score(nan_mean(values)),
          fmt::format("{} .. {}", format_score(interval.low), format_score(interval.high)),
          format_score(median_of_sorted(sorted)),
          format_score(worst),
          fmt::format("{}/{}", sorted.size(), values.size())};
}

/// "worst cases: b 0.1000, a 0.2000"; "" with fewer than two cases.
std::string worst_cases(const ScoreTable& table) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < table.cases.size(); ++i) {
    if (!std::isnan(table.of_case(i))) order.push_back(i);
  }
  if (order.size() < 2) return {};
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return table.higher_is_better ? table.of_case(a) < table.of_case(b) : table.of_case(a) > table.of_case(b);
  });
  std::string line = "worst cases:";
  for (std::size_t i = 0; i < std::min(order.size(), kCasesNamed); ++i)
    line += fmt::format("{} {} {}", i == 0 ? "" : ",", table.cases[order[i]],
                        format_score(table.of_case(order[i])));
  return line + "\n";
}

/// "not defined: tumour in 2 cases (a, b)": where labels are empty on one side or both.
std::string special_values(const ScoreTable& table, const char* what, bool (*is_special)(double)) {
  std::vector<std::string> labels;
  for (std::size_t label = 0; label < table.labels.size(); ++label) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < table.cases.size(); ++i) {
      if (is_special(table.values[i][label])) names.push_back(table.cases[i]);
    }
    if (names.empty()) continue;
    const std::size_t count = names.size();
    names.resize(std::min(count, kCasesNamed));
    labels.push_back(fmt::format("{} in {} case{} ({}{})", table.labels[label], count, count == 1 ? "" : "s",
                                 fmt::join(names, ", "), count > kCasesNamed ? ", ..." : ""));
  }
  return labels.empty() ? std::string() : fmt::format("{}: {}\n", what, fmt::join(labels, "; "));
}

}  // namespace

std::vector<double> ScoreTable::of_label(std::size_t label) const {
  std::vector<double> column;
  for (const auto& row : values) column.push_back(row[label]);
  return column;
}

double ScoreTable::of_case(std::size_t index) const {
  return nan_mean(values[index]);
}

std::string cases_text(const ScoreTable& table) {
  const bool with_mean = table.labels.size() > 1;
  std::vector<std::string> header{table.metric};
  header.insert(header.end(), table.labels.begin(), table.labels.end());
  if (with_mean) header.emplace_back("mean");
  TextTable text(std::move(header));
  for (std::size_t i = 0; i < table.cases.size(); ++i) {
    std::vector<std::string> row{table.cases[i]};
    for (const double value : table.values[i]) row.push_back(format_score(value));
    if (with_mean) row.push_back(format_score(table.of_case(i)));
    text.add_row(std::move(row));
  }
  return text.text();
}

std::string statistics_text(const ScoreTable& table) {
  TextTable text(
      {table.metric, "mean", "95 % interval", "median", table.higher_is_better ? "min" : "max", "cases"});
  for (std::size_t label = 0; label < table.labels.size(); ++label) text.add_row(label_row(table, label));
  if (table.labels.size() > 1) {
    text.add_rule();
    text.add_row({table.overall_name, format_score(table.overall), "", "", "", ""});
  }
  return text.text() + worst_cases(table) +
         special_values(table, "not defined", [](double value) { return std::isnan(value); }) +
         special_values(table, "infinite", [](double value) { return std::isinf(value); });
}

}  // namespace seg
