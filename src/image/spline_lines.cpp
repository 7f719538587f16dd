#include "image/spline_lines.h"

#include <algorithm>
#include <cmath>

namespace seg {
namespace {

constexpr std::int64_t kBorder = 2;                // coefficients needed beyond either end
constexpr double kPole = -0.26794919243112270647;  // sqrt(3) - 2, of the cubic B-spline's inverse filter
constexpr double kGain = (1.0 - kPole) * (1.0 - 1.0 / kPole);
constexpr std::int64_t kRowsAtOnce = 8;

/// B-spline weights of the samples floor(x) - 1 ... floor(x) + 2 at x = floor(x) + t.
std::array<double, 4> cubic_weights(double t) {
  const double u = 1.0 - t;
  return {u * u * u / 6.0, (4.0 + t * t * (3.0 * t - 6.0)) / 6.0, (4.0 + u * u * (3.0 * u - 6.0)) / 6.0,
          t * t * t / 6.0};
}

/// Turns the samples in rows [kBorder, kBorder + n) of `rows` into spline coefficients, and fills the border
/// rows. The signal is continued by its edge values, for which the filter's sums have a closed form.
void to_coefficients(std::vector<double>& rows, std::int64_t n, std::int64_t width) {
  const auto row = [&](std::int64_t i) { return rows.data() + (kBorder + i) * width; };
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t k = 0; k < width; ++k) row(i)[k] *= kGain;
  }
  const double settled = 1.0 / (1.0 - kPole);  // what the filter makes of a constant 1
  std::vector<double> last(row(n - 1), row(n - 1) + width);
  // Causal pass: c[i] = s[i] + pole * c[i - 1], from i = -kBorder on.
  for (std::int64_t i = -kBorder; i < 0; ++i) {
    for (std::int64_t k = 0; k < width; ++k) row(i)[k] = row(0)[k] * settled;
  }
  for (std::int64_t i = 0; i < n + kBorder; ++i) {
    const double* before = row(i - 1);
    const double* sample = i < n ? row(i) : last.data();
    for (std::int64_t k = 0; k < width; ++k) row(i)[k] = sample[k] + kPole * before[k];
  }
  // Anticausal pass: d[i] = pole * (d[i + 1] - c[i]); beyond the end c decays to its settled value.
  double* end = row(n + kBorder - 1);
  for (std::int64_t k = 0; k < width; ++k) {
    const double level = last[k] * settled;
    end[k] = -kPole * (level * settled + (end[k] - level) / (1.0 - kPole * kPole));
  }
  for (std::int64_t i = n + kBorder - 1; i-- > -kBorder;) {
    const double* after = row(i + 1);
    double* at = row(i);
    for (std::int64_t k = 0; k < width; ++k) at[k] = kPole * (after[k] - at[k]);
  }
}

}  // namespace

SplineLines::SplineLines(std::int64_t from, std::int64_t to, bool nearest)
    : from_(from), to_(to), nearest_(nearest) {
  for (std::int64_t i = 0; i < to; ++i) {
    const double centre = sample_centre(i, from, to);
    if (nearest) {
      const double clamped = std::clamp(centre, 0.0, static_cast<double>(from - 1));
      first_.push_back(static_cast<std::int64_t>(std::floor(clamped + 0.5)));
      continue;
    }
    const double below = std::floor(centre);
    first_.push_back(static_cast<std::int64_t>(below) - 1 + kBorder);
    weights_.push_back(cubic_weights(centre - below));
  }
}

void SplineLines::evaluate(const std::vector<double>& coefficients, std::int64_t width, std::int64_t i,
                           double* out) const {
  const auto& weight = weights_[static_cast<std::size_t>(i)];
  const double* rows = coefficients.data() + first_[static_cast<std::size_t>(i)] * width;
  for (std::int64_t k = 0; k < width; ++k) {
    out[k] = weight[0] * rows[k] + weight[1] * rows[width + k] + weight[2] * rows[2 * width + k] +
             weight[3] * rows[3 * width + k];
  }
}

template <class T>
std::vector<double> SplineLines::apply(const T* in, std::int64_t width, std::int64_t stride) const {
  std::vector<double> out(static_cast<std::size_t>(to_ * width));
  if (nearest_) {
    for (std::int64_t i = 0; i < to_; ++i) {
      const T* row = in + first_[static_cast<std::size_t>(i)] * stride;
      std::copy(row, row + width, out.begin() + i * width);
    }
    return out;
  }
  std::vector<double> rows(static_cast<std::size_t>((from_ + 2 * kBorder) * width));
  for (std::int64_t i = 0; i < from_; ++i)
    std::copy(in + i * stride, in + i * stride + width, rows.begin() + (kBorder + i) * width);
  to_coefficients(rows, from_, width);
  for (std::int64_t i = 0; i < to_; ++i) evaluate(rows, width, i, out.data() + i * width);
  return out;
}

template std::vector<double> SplineLines::apply(const float*, std::int64_t, std::int64_t) const;
template std::vector<double> SplineLines::apply(const double*, std::int64_t, std::int64_t) const;

std::vector<double> SplineLines::apply_along_rows(const std::vector<double>& in, std::int64_t count) const {
  std::vector<double> out(static_cast<std::size_t>(count * to_));
  std::vector<double> block(static_cast<std::size_t>(from_ * kRowsAtOnce));
  for (std::int64_t row = 0; row < count; row += kRowsAtOnce) {
    // A block of rows is turned into columns, so that the filter runs over several lines side by side.
    const std::int64_t rows = std::min(kRowsAtOnce, count - row);
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t i = 0; i < from_; ++i)
        block[static_cast<std::size_t>(i * kRowsAtOnce + r)] =
            in[static_cast<std::size_t>((row + r) * from_ + i)];
    }
    const auto columns = apply(block.data(), kRowsAtOnce);
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t i = 0; i < to_; ++i)
        out[static_cast<std::size_t>((row + r) * to_ + i)] =
            columns[static_cast<std::size_t>(i * kRowsAtOnce + r)];
    }
  }
  return out;
}

}  // namespace seg
