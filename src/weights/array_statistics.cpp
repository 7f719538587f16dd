#include "weights/array_statistics.h"

#include <algorithm>
#include <cmath>

#include "weights/array_values.h"

namespace seg {

std::optional<ArrayStatistics> array_statistics(const TensorView& array) {
  const std::vector<double> values = double_values(array);
  if (values.empty()) return {};
  const auto count = static_cast<double>(values.size());
  const auto [least, greatest] = std::minmax_element(values.begin(), values.end());
  double sum = 0, squares = 0;
  for (const double value : values) sum += value;
  const double mean = sum / count;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return ArrayStatistics{mean, std::sqrt(squares / count), *least, *greatest};
}

}  // namespace seg
