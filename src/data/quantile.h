// Quantiles of sorted values, rounded as NumPy rounds them.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

namespace seg {

/// Between `low` and `high`, anchored at the nearer end (numpy.percentile's interpolation).
inline double interpolate(double low, double high, double share) {
  return share >= 0.5 ? high - (high - low) * (1 - share) : low + (high - low) * share;
}

/// numpy.percentile of sorted values, linear; `percent` in [0, 100].
inline double percentile(const std::vector<double>& sorted, double percent) {
  const double position = percent / 100 * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const auto above = std::min(below + 1, sorted.size() - 1);
  return interpolate(sorted[below], sorted[above], position - static_cast<double>(below));
}

/// Mean of the two middle values, or the middle one.
inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

}  // namespace seg
