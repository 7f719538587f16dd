#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "eval/axes.h"
#include "eval/canvas.h"
#include "eval/pictures.h"
#include "eval/statistics.h"

namespace seg {
namespace {

constexpr int kGroupsWidth = 1600, kGroupsHeight = 800;
constexpr Rectangle kBox{120, 60, 1000, 640};
constexpr double kLegendX = 1160, kLegendTop = 80, kLegendStep = 34;
constexpr int kColours[] = {4, 5, 2, 6, 0, 1};  // of distinct_colour, those best seen on white first

Colour colour_of(std::size_t group) {
  return group < std::size(kColours) ? distinct_colour(kColours[group])
                                     : distinct_colour(static_cast<int>(group) + 1);
}

}  // namespace

CurveSpread spread_of(const std::vector<std::vector<double>>& curves) {
  std::size_t epochs = 0;
  for (const auto& curve : curves) epochs = std::max(epochs, curve.size());
  CurveSpread spread;
  for (std::size_t epoch = 0; epoch < epochs; ++epoch) {
    std::vector<double> values;
    for (const auto& curve : curves) {
      if (epoch < curve.size()) values.push_back(curve[epoch]);
    }
    const auto defined = sorted_defined(values);
    spread.mean.push_back(nan_mean(values));
    spread.low.push_back(defined.empty() ? NAN : defined.front());
    spread.high.push_back(defined.empty() ? NAN : defined.back());
  }
  return spread;
}

void draw_grouped_curves(const fs::path& png, const std::vector<CurveGroup>& groups,
                         const std::string& caption) {
  std::vector<CurveSpread> spreads;
  std::vector<const std::vector<double>*> all;
  std::size_t epochs = 0;
  for (const auto& group : groups) {
    spreads.push_back(spread_of(group.curves));
    epochs = std::max(epochs, spreads.back().mean.size());
  }
  if (epochs == 0) fail("curves: there is no epoch to draw");
  for (const auto& spread : spreads) all.insert(all.end(), {&spread.low, &spread.high});
  const Range range = range_of(all, 0.05);
  Canvas canvas(kGroupsWidth, kGroupsHeight);
  Axes axes(canvas, kBox, epochs);
  axes.draw_scale(range, caption, false);
  axes.draw_frame("epoch");
  for (std::size_t i = 0; i < groups.size(); ++i)
    axes.draw_band(range, spreads[i].low, spreads[i].high, colour_of(i).with_opacity(0.18));
  for (std::size_t i = 0; i < groups.size(); ++i) {
    axes.draw_curve(range, spreads[i].mean, colour_of(i), 3);
    const double y = kLegendTop + kLegendStep * static_cast<double>(i);
    canvas.line({{kLegendX, y - 6}, {kLegendX + 36, y - 6}}, colour_of(i), 3);
    canvas.text({kLegendX + 46, y}, groups[i].name, {18});
  }
  canvas.write_png(png);
}

}  // namespace seg
