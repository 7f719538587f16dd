// Statistics over scores, where NaN stands for "not defined in this case".
#pragma once
#include <limits>
#include <span>
#include <vector>

namespace seg {

inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// Sum in the order NumPy adds up, so that means are equal to the last bit.
double pairwise_sum(std::span<const double> values);

/// Mean of the values that are not NaN; NaN when there are none.
double nan_mean(std::span<const double> values);

/// The values that are not NaN, ascending.
std::vector<double> sorted_defined(std::span<const double> values);

/// Median of ascending values (the mean of the middle two when even); NaN when there are none.
double median_of_sorted(std::span<const double> values);

struct Interval {
  double low = 0, high = 0;
};

/// 95 % interval of the mean: percentile bootstrap over the cases with 2000 resamples of a fixed seed (Efron
/// 1979). NaN with fewer than two values.
Interval bootstrap_mean(std::span<const double> values);

}  // namespace seg
