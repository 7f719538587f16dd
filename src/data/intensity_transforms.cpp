#include "data/intensity_transforms.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

#include "image/spline_lines.h"

namespace seg {
namespace {

constexpr std::size_t kLanes = 8;  // partial sums, so that the loops below vectorise

/// Sum of `term(value)` over the values.
template <class Term>
double sum_of(std::span<const float> values, Term&& term) {
  std::array<double, kLanes> lanes{};
  std::size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes) {
    for (std::size_t k = 0; k < kLanes; ++k) lanes[k] += term(values[i + k]);
  }
  for (; i < values.size(); ++i) lanes[0] += term(values[i]);
  return std::accumulate(lanes.begin(), lanes.end(), 0.0);
}

double mean_of(std::span<const float> values) {
  return sum_of(values, [](double value) { return value; }) / static_cast<double>(values.size());
}

double deviation_of(std::span<const float> values, double mean) {
  const double squares = sum_of(values, [mean](double value) { return (value - mean) * (value - mean); });
  return std::sqrt(squares / static_cast<double>(values.size()));
}

std::pair<float, float> range_of(std::span<const float> values) {
  std::array<float, kLanes> low, high;
  low.fill(values[0]);
  high.fill(values[0]);
  std::size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes) {
    for (std::size_t k = 0; k < kLanes; ++k) {
      low[k] = std::min(low[k], values[i + k]);
      high[k] = std::max(high[k], values[i + k]);
    }
  }
  for (; i < values.size(); ++i) {
    low[0] = std::min(low[0], values[i]);
    high[0] = std::max(high[0], values[i]);
  }
  return {*std::min_element(low.begin(), low.end()), *std::max_element(high.begin(), high.end())};
}

/// Half of a symmetric kernel, from its centre outwards, with sum 1.
std::vector<float> gaussian_kernel(double sigma) {
  const auto radius = static_cast<std::size_t>(4.0 * sigma + 0.5);
  std::vector<double> half(radius + 1);
  for (std::size_t k = 0; k <= radius; ++k) {
    half[k] = std::exp(-0.5 * static_cast<double>(k * k) / (sigma * sigma));
  }
  const double sum = 2.0 * std::accumulate(half.begin(), half.end(), 0.0) - half[0];
  std::vector<float> kernel(half.size());
  std::transform(half.begin(), half.end(), kernel.begin(),
                 [&](double w) { return static_cast<float>(w / sum); });
  return kernel;
}

/// Index of sample `i` in a signal continued by reflection about its ends (d c b a | a b c d).
std::int64_t reflect_index(std::int64_t i, std::int64_t size) {
  const std::int64_t period = 2 * size;
  i = ((i % period) + period) % period;
  return i < size ? i : period - 1 - i;
}

/// Two independent standard normals (Marsaglia's polar method) from one 64-bit draw per try.
std::pair<float, float> normal_pair(Rng& rng) {
  while (true) {
    const std::uint64_t bits = rng.next();
    const float u = static_cast<float>(static_cast<std::int32_t>(bits)) * 0x1.0p-31f;
    const float v = static_cast<float>(static_cast<std::int32_t>(bits >> 32)) * 0x1.0p-31f;
    const float square = u * u + v * v;
    if (square >= 1.0f || square == 0.0f) continue;
    const float factor = std::sqrt(-2.0f * std::log(square) / square);
    return {u * factor, v * factor};
  }
}

}  // namespace

void add_noise(std::span<float> values, double standard_deviation, Rng& rng) {
  const auto sigma = static_cast<float>(standard_deviation);
  for (std::size_t i = 0; i < values.size(); i += 2) {
    const auto [first, second] = normal_pair(rng);
    values[i] += sigma * first;
    if (i + 1 < values.size()) values[i + 1] += sigma * second;
  }
}

void blur(std::span<float> plane, Size2 size, double sigma) {
  const auto kernel = gaussian_kernel(sigma);
  const auto radius = static_cast<std::int64_t>(kernel.size()) - 1;
  const auto [height, width] = size;

  // Down the columns, a row at a time.
  const std::vector<float> source(plane.begin(), plane.end());
  for (std::int64_t y = 0; y < height; ++y) {
    float* out = plane.data() + y * width;
    for (std::int64_t x = 0; x < width; ++x) out[x] *= kernel[0];
    for (std::int64_t k = 1; k <= radius; ++k) {
      const float weight = kernel[static_cast<std::size_t>(k)];
      const float* above = source.data() + reflect_index(y - k, height) * width;
      const float* below = source.data() + reflect_index(y + k, height) * width;
      for (std::int64_t x = 0; x < width; ++x) out[x] += weight * (above[x] + below[x]);
    }
  }
  // Along each row, from a copy with its border reflected.
  std::vector<float> padded(static_cast<std::size_t>(width + 2 * radius));
  for (std::int64_t y = 0; y < height; ++y) {
    float* out = plane.data() + y * width;
    float* center = padded.data() + radius;
    std::copy_n(out, width, center);
    for (std::int64_t k = 1; k <= radius; ++k) {
      center[-k] = out[reflect_index(-k, width)];
      center[width - 1 + k] = out[reflect_index(width - 1 + k, width)];
    }
    for (std::int64_t x = 0; x < width; ++x) out[x] *= kernel[0];
    for (std::int64_t k = 1; k <= radius; ++k) {
      const float weight = kernel[static_cast<std::size_t>(k)];
      for (std::int64_t x = 0; x < width; ++x) out[x] += weight * (center[x - k] + center[x + k]);
    }
  }
}

void multiply(std::span<float> values, double factor) {
  for (float& value : values) value *= static_cast<float>(factor);
}

void change_contrast(std::span<float> values, double factor) {
  const auto mean = static_cast<float>(mean_of(values)), scale = static_cast<float>(factor);
  const auto [low, high] = range_of(values);
  for (float& value : values) value = std::min(std::max((value - mean) * scale + mean, low), high);
}

void lower_resolution(std::span<float> plane, Size2 size, double zoom) {
  Size2 small{};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    small[axis] = std::max<std::int64_t>(1, std::llrint(static_cast<double>(size[axis]) * zoom));
  }
  if (small == size) return;
  std::vector<float> shrunk(static_cast<std::size_t>(small[0] * small[1]));
  float* out = shrunk.data();
  for (std::int64_t y = 0; y < small[0]; ++y) {
    const float* row = plane.data() + nearest_index(y, size[0], small[0]) * size[1];
    for (std::int64_t x = 0; x < small[1]; ++x) *out++ = row[nearest_index(x, size[1], small[1])];
  }
  const auto [low, high] = range_of(shrunk);
  const auto tall = SplineLines(small[0], size[0], false).apply(shrunk.data(), small[1]);
  const auto enlarged = SplineLines(small[1], size[1], false).apply_along_rows(tall, size[0]);
  std::transform(enlarged.begin(), enlarged.end(), plane.begin(), [low = low, high = high](double value) {
    return std::clamp(static_cast<float>(value), low, high);
  });
}

void change_gamma(std::span<float> values, double gamma, bool invert) {
  if (invert) multiply(values, -1.0);
  const double mean = mean_of(values);
  const double deviation = deviation_of(values, mean);
  const auto [low, high] = range_of(values);
  const float range = high - low + 1e-7f, power = static_cast<float>(gamma);
  for (float& value : values) value = std::pow((value - low) / range, power) * range + low;

  const double new_mean = mean_of(values);
  const double scale = deviation / (deviation_of(values, new_mean) + 1e-8);
  const auto factor = static_cast<float>(invert ? -scale : scale);
  const auto center = static_cast<float>(new_mean), target = static_cast<float>(invert ? -mean : mean);
  for (float& value : values) value = (value - center) * factor + target;
}

}  // namespace seg
