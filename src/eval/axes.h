// Coordinate systems of plots: ranges, ticks, and curves on a canvas.
#pragma once
#include <string>
#include <vector>

#include "eval/canvas.h"

namespace seg {

struct Range {
  double low = 0, high = 1;
};

/// The smallest and largest finite value, widened by `margin` of their distance; never empty, [0, 1] where
/// there is no finite value.
Range range_of(const std::vector<const std::vector<double>*>& curves, double margin);

/// Round numbers (1, 2 or 5 times a power of ten apart) inside the range, about `wanted` of them; whole
/// numbers only with `whole`.
std::vector<double> round_ticks(const Range& range, int wanted, bool whole = false);

/// A plot of values over epochs 0, 1, 2, ...
class Axes {
 public:
  Axes(Canvas& canvas, const Rectangle& box, std::size_t epochs);

  /// Frame, epoch ticks and grid; `caption` below, may be empty.
  void draw_frame(const std::string& caption);
  /// Tick labels and caption on the left, with a grid, or on the right.
  void draw_scale(const Range& range, const std::string& caption, bool right);
  /// One value per epoch; NaN and infinite values are gaps.
  void draw_curve(const Range& range, const std::vector<double>& values, const Colour& colour,
                  double line_width);
  /// The area between two curves of the same length, over the epochs where both are finite.
  void draw_band(const Range& range, const std::vector<double>& low, const std::vector<double>& high,
                 const Colour& colour);

 private:
  double x_of(double epoch) const;
  double y_of(const Range& range, double value) const;

  Canvas& canvas_;
  Rectangle box_;
  Range epochs_;
};

}  // namespace seg
