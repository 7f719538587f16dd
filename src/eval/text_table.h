// A table of text with aligned columns.
#pragma once
#include <string>
#include <vector>

namespace seg {

/// The first column is aligned left, the others right; two blanks between columns, no blanks at line ends.
/// Widths count Unicode characters, so that names in UTF-8 stay aligned.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header);
  /// As many cells as the header has.
  void add_row(std::vector<std::string> cells);
  /// A line of dashes.
  void add_rule();
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;  ///< an empty row is a rule
};

/// A score with four decimals, "-" for NaN.
std::string format_score(double value);

}  // namespace seg
