#include "eval/axes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace seg {
namespace {

constexpr TextStyle kTickStyle{17, Align::left, kGrey};
constexpr double kTickLength = 6, kTickGap = 10;

/// "-0.2", "0.0001", "1e-05"; rounding noise of the tick's sum is cut.
std::string tick_label(double value, double step) {
  const double clean = std::round(value / step) * step;
  return fmt::format("{:.6g}", clean == 0 ? 0.0 : clean);
}

double step_of(const std::vector<double>& ticks) {
  return ticks.size() > 1 ? ticks[1] - ticks[0] : 1.0;
}

}  // namespace

Range range_of(const std::vector<const std::vector<double>*>& curves, double margin) {
  Range range{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  for (const auto* curve : curves) {
    for (const double value : *curve) {
      if (!std::isfinite(value)) continue;
      range = {std::min(range.low, value), std::max(range.high, value)};
    }
  }
  if (range.low > range.high) return {0, 1};
  double around = (range.high - range.low) * margin;
  if (around == 0) around = range.low == 0 ? 1 : std::abs(range.low) * 0.1;
  return {range.low - around, range.high + around};
}

std::vector<double> round_ticks(const Range& range, int wanted, bool whole) {
  const double rough = (range.high - range.low) / wanted;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough) {
      step = factor * power;
      break;
    }
  }
  if (whole) step = std::max(1.0, std::round(step));
  const double tolerance = 1e-9 * step;
  std::vector<double> ticks;
  for (double i = std::ceil((range.low - tolerance) / step); i * step <= range.high + tolerance; ++i)
    ticks.push_back(i * step);
  return ticks;
}

Axes::Axes(Canvas& canvas, const Rectangle& box, std::size_t epochs) : canvas_(canvas), box_(box) {
  epochs_ = epochs > 1 ? Range{0, static_cast<double>(epochs - 1)} : Range{-0.5, 0.5};
}

double Axes::x_of(double epoch) const {
  return box_.left + (epoch - epochs_.low) / (epochs_.high - epochs_.low) * box_.width;
}

double Axes::y_of(const Range& range, double value) const {
  return box_.bottom() - (value - range.low) / (range.high - range.low) * box_.height;
}

void Axes::draw_frame(const std::string& caption) {
  TextStyle style = kTickStyle;
  style.align = Align::centre;
  const auto ticks = round_ticks(epochs_, 10, true);
  for (const double epoch : ticks) {
    const double x = x_of(epoch);
    canvas_.line({{x, box_.top}, {x, box_.bottom()}}, kPaleGrey, 1);
    canvas_.line({{x, box_.bottom()}, {x, box_.bottom() + kTickLength}}, kGrey, 1);
    canvas_.text({x, box_.bottom() + kTickGap + style.size}, tick_label(epoch, step_of(ticks)), style);
  }
  canvas_.frame(box_, kGrey, 1);
  style.colour = kBlack;
  canvas_.text({box_.left + box_.width / 2, box_.bottom() + kTickGap + 2.5 * style.size}, caption, style);
}

void Axes::draw_scale(const Range& range, const std::string& caption, bool right) {
  TextStyle style = kTickStyle;
  style.align = right ? Align::left : Align::right;
  const double edge = right ? box_.right() : box_.left, outward = right ? 1 : -1;
  const auto ticks = round_ticks(range, box_.height > 300 ? 8 : 4);
  for (const double value : ticks) {
    const double y = y_of(range, value);
    if (!right) canvas_.line({{box_.left, y}, {box_.right(), y}}, kPaleGrey, 1);
    canvas_.line({{edge, y}, {edge + outward * kTickLength, y}}, kGrey, 1);
    canvas_.text({edge + outward * kTickGap, y + style.size * 0.35}, tick_label(value, step_of(ticks)),
                 style);
  }
  canvas_.text({edge + outward * 84 + (right ? style.size * 0.7 : 0), box_.top + box_.height / 2}, caption,
               {kTickStyle.size, Align::centre, kBlack, false, true});
}

void Axes::draw_curve(const Range& range, const std::vector<double>& values, const Colour& colour,
                      double line_width) {
  canvas_.clip({box_.left - 8, box_.top - 8, box_.width + 16, box_.height + 16});
  std::vector<Point> run;  // points without a gap between them
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) {
      run.push_back({x_of(static_cast<double>(i)), y_of(range, values[i])});
      continue;
    }
    canvas_.line(run, colour, line_width);
    run.clear();
  }
  canvas_.line(run, colour, line_width);
  canvas_.unclip();
}

void Axes::draw_band(const Range& range, const std::vector<double>& low, const std::vector<double>& high,
                     const Colour& colour) {
  std::vector<Point> upper, outline;
  for (std::size_t i = 0; i < low.size(); ++i) {
    if (!std::isfinite(low[i]) || !std::isfinite(high[i])) continue;
    const double x = x_of(static_cast<double>(i));
    outline.push_back({x, y_of(range, low[i])});
    upper.push_back({x, y_of(range, high[i])});
  }
  outline.insert(outline.end(), upper.rbegin(), upper.rend());
  canvas_.area(outline, colour);
}

}  // namespace seg
