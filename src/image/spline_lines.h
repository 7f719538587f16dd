// Cubic B-spline resampling of many parallel lines at once, the one-dimensional step of image/resample.
// Source: Unser, Aldroubi, Eden, "B-spline signal processing", 1993.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

namespace seg {

/// Where the centre of output sample `i` lies in the input.
inline double sample_centre(std::int64_t i, std::int64_t from, std::int64_t to) {
  const double step = static_cast<double>(from) / static_cast<double>(to);
  return (static_cast<double>(i) + 0.5) * step - 0.5;
}

/// Maps lines of `from` samples to lines of `to` samples. The border continues with its edge values.
class SplineLines {
 public:
  /// With `nearest` samples are picked, not interpolated.
  SplineLines(std::int64_t from, std::int64_t to, bool nearest);

  /// True where every output sample is a copy of one input sample.
  bool copies() const { return nearest_; }

  /// Lines run down the columns of `in`, `width` columns in rows `stride` apart. Returns [to, width].
  template <class T>
  std::vector<double> apply(const T* in, std::int64_t width, std::int64_t stride) const;
  template <class T>
  std::vector<double> apply(const T* in, std::int64_t width) const {
    return apply(in, width, width);
  }

  /// Lines are the rows of `in` [count, from]. Returns [count, to].
  std::vector<double> apply_along_rows(const std::vector<double>& in, std::int64_t count) const;

 private:
  /// Evaluates the spline of coefficients [kBorder + from + kBorder, width] at the output sample `i`.
  void evaluate(const std::vector<double>& coefficients, std::int64_t width, std::int64_t i,
                double* out) const;

  std::int64_t from_, to_;
  bool nearest_;
  std::vector<std::int64_t> first_;             ///< per output sample, the first row it takes
  std::vector<std::array<double, 4>> weights_;  ///< of that row and the next three
};

}  // namespace seg
