// Cubic B-splines of a 2-D plane, sampled anywhere (image/spline_lines resamples along axes).
// Source: Unser, Aldroubi, Eden 1993.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace seg {

/// Index of sample `i` in a signal of `size` samples continued by mirroring about its first and last sample.
std::int64_t mirror_index(std::int64_t i, std::int64_t size);

/// Replaces samples [height, width] by their cubic B-spline coefficients, mirrored at the border.
void spline_coefficients(std::span<float> plane, std::int64_t height, std::int64_t width);

/// Weights of the coefficients floor(x) - 1 ... floor(x) + 2, at x = floor(x) + t.
inline std::array<float, 4> spline_weights(float t) {
  constexpr float kSixth = 1.0f / 6.0f;  // a division costs as much as the rest
  const float u = 1.0f - t;
  return {kSixth * u * u * u, kSixth * (4.0f + t * t * (3.0f * t - 6.0f)),
          kSixth * (4.0f + u * u * (3.0f * u - 6.0f)), kSixth * t * t * t};
}

}  // namespace seg
