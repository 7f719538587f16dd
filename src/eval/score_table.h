// One metric of many cases, as tables for people.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "base/json_fwd.h"

namespace seg {

struct ScoreTable {
  std::string metric;
  bool higher_is_better = true;
  std::vector<std::string> labels, cases;
  std::vector<std::vector<double>> values;  ///< [case][label]; NaN where not defined
  /// Row below the labels: nnU-Net's or a protocol's mean of the labels' means.
  std::string overall_name;
  double overall = 0;

  std::vector<double> of_label(std::size_t label) const;
  /// Mean over the labels where it is defined; NaN when nowhere.
  double of_case(std::size_t index) const;
};

/// Every case with all labels and, where there are several, their mean.
std::string cases_text(const ScoreTable& table);

/// Every label: mean with its 95 % bootstrap interval, median, worst value, in how many cases it is defined;
/// below them the overall value, the worst cases by name, and the cases where a label is empty on one side or
/// both and has no number.
std::string statistics_text(const ScoreTable& table);

/// The same for programs: {metric: {"labels": {label: {mean, low, high, median, worst, worst_case, defined,
/// cases}}, overall name: value, "worst_cases": [{case, score}]}}; low and high are the 95 % interval.
Json statistics_json(std::span<const ScoreTable> tables);
/// One line per metric and label with these values, and one for the overall value; empty where not defined.
std::string statistics_csv(std::span<const ScoreTable> tables);

/// A number in a table file: the shortest text that reads back as the same number, empty for NaN.
std::string csv_number(double value);
/// A text in a table file, quoted where it must be.
std::string csv_text(const std::string& text);

}  // namespace seg
