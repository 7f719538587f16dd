#include "data/spline.h"

#include <algorithm>
#include <cmath>

namespace seg {
namespace {

constexpr float kPole = -0.26794919243112270f;  // sqrt(3) - 2
constexpr float kGain = 6.0f;
constexpr std::int64_t kHorizon = 16;  // |kPole|^16 is below float's resolution

/// Filters `lines` lines of `size` samples at once; sample i of all lines lies at data[i * lines].
void filter_lines(float* data, std::int64_t size, std::int64_t lines) {
  if (size < 2) return;
  const auto row = [&](std::int64_t i) { return data + i * lines; };

  std::vector<float> start(row(0), row(1));  // the causal filter's past, mirrored
  float power = kPole;
  for (std::int64_t k = 1; k <= kHorizon; ++k, power *= kPole) {
    const float* sample = row(mirror_index(k, size));
    for (std::int64_t j = 0; j < lines; ++j) start[static_cast<std::size_t>(j)] += power * sample[j];
  }
  for (std::int64_t j = 0; j < lines; ++j) data[j] = kGain * start[static_cast<std::size_t>(j)];
  for (std::int64_t i = 1; i < size; ++i) {
    float* now = row(i);
    const float* before = row(i - 1);
    for (std::int64_t j = 0; j < lines; ++j) now[j] = kGain * now[j] + kPole * before[j];
  }

  float* last = row(size - 1);
  const float* before_last = row(size - 2);
  for (std::int64_t j = 0; j < lines; ++j) {
    last[j] = kPole / (kPole * kPole - 1.0f) * (last[j] + kPole * before_last[j]);
  }
  for (std::int64_t i = size - 2; i >= 0; --i) {
    float* now = row(i);
    const float* after = row(i + 1);
    for (std::int64_t j = 0; j < lines; ++j) now[j] = kPole * (after[j] - now[j]);
  }
}

}  // namespace

std::int64_t mirror_index(std::int64_t i, std::int64_t size) {
  if (size == 1) return 0;
  const std::int64_t period = 2 * (size - 1);
  i = std::abs(i) % period;
  return i < size ? i : period - i;
}

void spline_coefficients(std::span<float> plane, std::int64_t height, std::int64_t width) {
  filter_lines(plane.data(), height, width);
  // Along x, eight rows at a time through a transposed buffer: the same vectorised filter for both axes.
  constexpr std::int64_t kRows = 8;
  std::vector<float> buffer(static_cast<std::size_t>(width * kRows));
  for (std::int64_t y = 0; y < height; y += kRows) {
    const std::int64_t rows = std::min(kRows, height - y);
    float* block = plane.data() + y * width;
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t x = 0; x < width; ++x)
        buffer[static_cast<std::size_t>(x * kRows + r)] = block[r * width + x];
    }
    filter_lines(buffer.data(), width, kRows);
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t x = 0; x < width; ++x)
        block[r * width + x] = buffer[static_cast<std::size_t>(x * kRows + r)];
    }
  }
}

}  // namespace seg
