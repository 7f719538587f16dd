// One metric of many cases, as tables for people.
#pragma once
#include <string>
#include <vector>

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

}  // namespace seg
