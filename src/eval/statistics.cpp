#include "eval/statistics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "base/rng.h"

namespace seg {

double pairwise_sum(std::span<const double> values) {
  constexpr std::size_t kLanes = 8, kBlock = 128;
  const std::size_t n = values.size();
  if (n < kLanes) return std::accumulate(values.begin(), values.end(), 0.0);
  if (n > kBlock) {
    const std::size_t half = n / 2 / kLanes * kLanes;
    return pairwise_sum(values.first(half)) + pairwise_sum(values.subspan(half));
  }
  std::array<double, kLanes> lane{};
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (std::size_t k = 0; k < kLanes; ++k) lane[k] += values[i + k];
  }
  const double sum =
      ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
  return std::accumulate(values.begin() + static_cast<std::ptrdiff_t>(i), values.end(), sum);
}

double nan_mean(std::span<const double> values) {
  std::vector<double> summands(values.begin(), values.end());
  std::size_t count = values.size();
  for (double& value : summands) {
    if (!std::isnan(value)) continue;
    value = 0;
    --count;
  }
  return count == 0 ? kNaN : pairwise_sum(summands) / static_cast<double>(count);
}

std::vector<double> sorted_defined(std::span<const double> values) {
  std::vector<double> defined;
  std::copy_if(values.begin(), values.end(), std::back_inserter(defined),
               [](double value) { return !std::isnan(value); });
  std::sort(defined.begin(), defined.end());
  return defined;
}

double median_of_sorted(std::span<const double> values) {
  if (values.empty()) return kNaN;
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

Interval bootstrap_mean(std::span<const double> values) {
  constexpr std::size_t kResamples = 2000, kTail = kResamples / 40;  // 2.5 % on either side
  const auto count = static_cast<std::int64_t>(values.size());
  if (count < 2) return {kNaN, kNaN};
  Rng rng(0);
  std::vector<double> means(kResamples);
  for (double& mean : means) {
    double sum = 0;
    for (std::int64_t i = 0; i < count; ++i) sum += values[static_cast<std::size_t>(rng.below(count))];
    mean = sum / static_cast<double>(count);
  }
  std::sort(means.begin(), means.end());
  return {means[kTail - 1], means[kResamples - kTail]};
}

}  // namespace seg
