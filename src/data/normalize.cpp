#include "data/normalize.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace seg {
namespace {

constexpr float kLeastSpread = 1e-8f;

void zscore(std::span<float> values, std::span<const std::int32_t> seg) {
  const auto counts = [&](std::size_t i) { return seg.empty() || seg[i] >= 0; };
  double sum = 0, squares = 0, count = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!counts(i)) continue;
    sum += values[i];
    ++count;
  }
  if (count == 0) return;
  const double mean = sum / count;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (counts(i)) squares += (values[i] - mean) * (values[i] - mean);
  }
  const auto centre = static_cast<float>(mean);
  const float spread = std::max(static_cast<float>(std::sqrt(squares / count)), kLeastSpread);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (counts(i)) values[i] = (values[i] - centre) / spread;
  }
}

void ct(std::span<float> values, const IntensityStatistics& statistics) {
  const auto low = static_cast<float>(statistics.percentile_00_5);
  const auto high = static_cast<float>(statistics.percentile_99_5);
  const auto mean = static_cast<float>(statistics.mean);
  const float spread = std::max(static_cast<float>(statistics.std), kLeastSpread);
  if (!(low <= high))
    fail("CT normalisation: the plans' percentiles are out of order ({} and {})", low, high);
  for (float& value : values) value = (std::clamp(value, low, high) - mean) / spread;
}

void rescale(std::span<float> values) {
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  const float low = *least, range = std::max(*most - *least, kLeastSpread);
  for (float& value : values) value = (value - low) / range;
}

void rgb(std::span<float> values) {
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  if (*least < 0 || *most > 255) {
    throw Error(fmt::format("rgb_to_0_1 expects values from 0 to 255, got {} to {}", *least, *most),
                "choose rescale_to_0_1 or zscore in channel_names");
  }
  for (float& value : values) value /= 255.0f;
}

}  // namespace

void normalize(std::span<float> values, Normalization kind, const IntensityStatistics& statistics,
               std::span<const std::int32_t> seg) {
  switch (kind) {
    case Normalization::zscore:
      return zscore(values, seg);
    case Normalization::ct:
      return ct(values, statistics);
    case Normalization::none:
      return;
    case Normalization::rescale_0_1:
      return rescale(values);
    case Normalization::rgb_to_0_1:
      return rgb(values);
  }
}

}  // namespace seg
