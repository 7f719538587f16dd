#include "eval/score_table.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "eval/statistics.h"
#include "eval/text_table.h"

namespace seg {
namespace {

constexpr std::size_t kCasesNamed = 3;

/// One label over all cases; NaN where there is nothing to compute from.
struct LabelStatistics {
  double mean = kNaN, median = kNaN, worst = kNaN;
  Interval interval;        ///< 95 %, of the mean
  std::string worst_case;   ///< empty where no case has a value
  std::size_t defined = 0;  ///< cases with a value
};

bool is_worse(const ScoreTable& table, double a, double b) {
  return table.higher_is_better ? a < b : a > b;
}

LabelStatistics statistics_of(const ScoreTable& table, std::size_t label) {
  const auto values = table.of_label(label);
  const auto sorted = sorted_defined(values);
  LabelStatistics made{nan_mean(values), median_of_sorted(sorted), kNaN, bootstrap_mean(sorted), {},
                       sorted.size()};
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i]) || !(std::isnan(made.worst) || is_worse(table, values[i], made.worst)))
      continue;
    made.worst = values[i];
    made.worst_case = table.cases[i];
  }
  return made;
}

std::vector<std::string> label_row(const ScoreTable& table, std::size_t label) {
  const LabelStatistics made = statistics_of(table, label);
  return {table.labels[label],
          format_score(made.mean),
          fmt::format("{} .. {}", format_score(made.interval.low), format_score(made.interval.high)),
          format_score(made.median),
          format_score(made.worst),
          fmt::format("{}/{}", made.defined, table.cases.size())};
}

/// Indices of the worst cases, the worst first; none with fewer than two cases.
std::vector<std::size_t> worst_cases(const ScoreTable& table) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < table.cases.size(); ++i) {
    if (!std::isnan(table.of_case(i))) order.push_back(i);
  }
  if (order.size() < 2) return {};
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return is_worse(table, table.of_case(a), table.of_case(b));
  });
  order.resize(std::min(order.size(), kCasesNamed));
  return order;
}

/// "worst cases: b 0.1000, a 0.2000"
std::string worst_cases_text(const ScoreTable& table) {
  std::vector<std::string> parts;
  for (const std::size_t i : worst_cases(table))
    parts.push_back(fmt::format("{} {}", table.cases[i], format_score(table.of_case(i))));
  return parts.empty() ? std::string() : fmt::format("worst cases: {}\n", fmt::join(parts, ", "));
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
  return text.text() + worst_cases_text(table) +
         special_values(table, "not defined", [](double value) { return std::isnan(value); }) +
         special_values(table, "infinite", [](double value) { return std::isinf(value); });
}

Json statistics_json(std::span<const ScoreTable> tables) {
  Json json = Json::object();
  for (const auto& table : tables) {
    Json labels = Json::object(), worst = Json::array();
    for (std::size_t label = 0; label < table.labels.size(); ++label) {
      const LabelStatistics made = statistics_of(table, label);
      labels[table.labels[label]] = {{"mean", made.mean},          {"low", made.interval.low},
                                     {"high", made.interval.high}, {"median", made.median},
                                     {"worst", made.worst},        {"worst_case", made.worst_case},
                                     {"defined", made.defined},    {"cases", table.cases.size()}};
    }
    for (const std::size_t i : worst_cases(table))
      worst.push_back({{"case", table.cases[i]}, {"score", table.of_case(i)}});
    json[table.metric] = {{"labels", labels}, {table.overall_name, table.overall}, {"worst_cases", worst}};
  }
  return json;
}

std::string statistics_csv(std::span<const ScoreTable> tables) {
  std::string text = "metric,label,mean,low,high,median,worst,worst_case,defined,cases\n";
  for (const auto& table : tables) {
    for (std::size_t label = 0; label < table.labels.size(); ++label) {
      const LabelStatistics made = statistics_of(table, label);
      text += fmt::format("{},{},{},{},{},{},{},{},{},{}\n", csv_text(table.metric),
                          csv_text(table.labels[label]), csv_number(made.mean), csv_number(made.interval.low),
                          csv_number(made.interval.high), csv_number(made.median), csv_number(made.worst),
                          csv_text(made.worst_case), made.defined, table.cases.size());
    }
    text += fmt::format("{},{},{},,,,,,,{}\n", csv_text(table.metric), csv_text(table.overall_name),
                        csv_number(table.overall), table.cases.size());
  }
  return text;
}

std::string csv_number(double value) {
  return std::isnan(value) ? std::string() : fmt::format("{}", value);
}

std::string csv_text(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

}  // namespace seg
