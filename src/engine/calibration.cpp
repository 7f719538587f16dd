#include "engine/calibration.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace seg::engine {
namespace {

constexpr double kSteps = 255;            // between the least whole number and the largest
constexpr double kLeastRange = 1.0 / 16;  // of all values, that is tried

struct Range {
  double low, high;
};

Int8Scale scale_of(const Range& range) {
  const double scale = (range.high - range.low) / kSteps;
  return {static_cast<float>(scale),
          static_cast<int>(std::clamp(std::round(-128 - range.low / scale), -128., 127.))};
}

}  // namespace

void InputHistogram::add(std::span<const float> values) {
  for (const float value : values) {
    if (std::isfinite(value)) ++counts_[std::bit_cast<std::uint32_t>(value) >> kShift];
  }
}

std::vector<InputHistogram::Bin> InputHistogram::bins() const {
  std::vector<Bin> bins;
  for (std::uint32_t i = 0; i < counts_.size(); ++i) {
    const auto middle = std::bit_cast<float>((i << kShift) + (1U << (kShift - 1)));
    const bool zero = std::abs(middle) < 1e-30f;
    if (counts_[i] > 0 && !zero) bins.push_back({middle, static_cast<double>(counts_[i])});
  }
  std::ranges::sort(bins, {}, &Bin::value);
  return bins;
}

Int8Scale InputHistogram::best_scale() const {
  const std::vector<Bin> all = bins();
  if (all.empty()) return {};
  const auto loss = [&](const Range& range) {
    const double step = (range.high - range.low) / kSteps;
    double sum = 0;
    for (const Bin& bin : all) {
      const double beyond = bin.value - std::clamp(bin.value, range.low, range.high);
      const double rounded = std::abs(bin.value) < step / 2 ? bin.value * bin.value : step * step / 12;
      sum += bin.count * (beyond != 0 ? beyond * beyond : rounded);
    }
    return sum;
  };
  const Range widest{std::min(all.front().value, 0.), std::max(all.back().value, 0.)};
  Range best = widest;
  double least = loss(best);
  const auto attempt = [&](const Range& range) {
    const double here = loss(range);
    if (here < least) least = here, best = range;
  };
  // One end after the other, twice: what is best for one depends on the other a little.
  for (int round = 0; round < 2; ++round) {
    for (const Bin& bin : all) {
      if (bin.value > kLeastRange * widest.high) attempt({best.low, bin.value});
    }
    for (const Bin& bin : all) {
      if (bin.value < kLeastRange * widest.low) attempt({bin.value, best.high});
    }
  }
  return scale_of(best);
}

}  // namespace seg::engine
