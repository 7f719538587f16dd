#include <fmt/format.h>

#include <array>
#include <cmath>

#include "base/error.h"
#include "eval/axes.h"
#include "eval/canvas.h"
#include "eval/pictures.h"

namespace seg {
namespace {

constexpr int kWidth = 1600, kHeight = 1200;
constexpr Rectangle kLossBox{120, 120, 1360, 510}, kTimeBox{120, 700, 1360, 170},
    kRateBox{120, 930, 1360, 170};
constexpr double kLegendY = 88;

/// A curve of the upper plot with its entry in the legend.
struct Curve {
  const char* name;
  const std::vector<double>& values;
  Colour colour;
  double line_width;
};

void check_lengths(const TrainingCurves& curves) {
  const std::size_t epochs = curves.train_loss.size();
  if (epochs == 0) fail("training curves: there is no epoch to draw");
  for (const auto* curve : {&curves.val_loss, &curves.pseudo_dice, &curves.ema_dice, &curves.epoch_seconds,
                            &curves.learning_rate}) {
    if (curve->size() != epochs)
      fail("training curves: expected {} values in every curve, got {}", epochs, curve->size());
  }
}

/// A row of names with the latest values, above the upper plot.
void draw_legend(Canvas& canvas, const std::array<Curve, 4>& curves) {
  const TextStyle style{18};
  double x = kLossBox.left;
  for (const Curve& curve : curves) {
    canvas.line({{x, kLegendY - 6}, {x + 36, kLegendY - 6}}, curve.colour, curve.line_width);
    const double last = curve.values.back();
    const std::string text = std::isfinite(last) ? fmt::format("{}  {:.4f}", curve.name, last) : curve.name;
    canvas.text({x + 46, kLegendY}, text, style);
    x += 46 + canvas.text_width(text, style) + 40;
  }
}

/// A lower plot of one curve over a scale that starts at zero.
void draw_plain_plot(Canvas& canvas, const Rectangle& box, const std::vector<double>& values,
                     const std::string& caption, const std::string& epoch_caption) {
  const Range range{0, range_of({&values}, 0.08).high};
  Axes axes(canvas, box, values.size());
  axes.draw_scale(range, caption, false);
  axes.draw_frame(epoch_caption);
  axes.draw_curve(range, values, distinct_colour(4), 2.5);
}

}  // namespace

void draw_training_curves(const fs::path& png, const TrainingCurves& curves, const std::string& title) {
  check_lengths(curves);
  const Colour green = distinct_colour(2);
  const std::array<Curve, 4> upper{{{"training loss", curves.train_loss, distinct_colour(4), 2.5},
                                    {"validation loss", curves.val_loss, distinct_colour(5), 2.5},
                                    {curves.dice_name, curves.pseudo_dice, green.with_opacity(0.4), 1.5},
                                    {curves.ema_name, curves.ema_dice, green, 3.5}}};
  const Range losses = range_of({&curves.train_loss, &curves.val_loss}, 0.05), dice{0, 1};

  Canvas canvas(kWidth, kHeight);
  canvas.text({kLossBox.left, 46}, title, {26, Align::left, kBlack, true});
  draw_legend(canvas, upper);
  Axes axes(canvas, kLossBox, curves.train_loss.size());
  axes.draw_scale(losses, "loss", false);
  axes.draw_scale(dice, curves.score, true);
  axes.draw_frame("");
  for (const std::size_t i : {2u, 0u, 1u, 3u})  // the noisy one behind
    axes.draw_curve(i < 2 ? losses : dice, upper[i].values, upper[i].colour, upper[i].line_width);
  draw_plain_plot(canvas, kTimeBox, curves.epoch_seconds, "seconds", "");
  draw_plain_plot(canvas, kRateBox, curves.learning_rate, "learning rate", "epoch");
  canvas.write_png(png);
}

}  // namespace seg
