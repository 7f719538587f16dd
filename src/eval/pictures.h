// Pictures for people: training curves and overlays (Cairo).
#pragma once
#include <string>
#include <vector>

#include "base/files.h"
#include "image/volume.h"

namespace seg {

/// One curve per entry; equal lengths, one value per epoch. NaN is drawn as a gap.
struct TrainingCurves {
  std::vector<double> train_loss, val_loss, pseudo_dice, ema_dice, epoch_seconds, learning_rate;
  /// What the second axis and its two curves are called, where they are no pseudo Dice.
  const char *score = "pseudo Dice", *dice_name = "pseudo Dice", *ema_name = "pseudo Dice, moving average";
};

/// nnU-Net's progress.png: losses with pseudo Dice on a second axis, epoch time, learning rate. 1600x1200.
/// Throws Error for curves of different lengths or without an epoch.
void draw_training_curves(const fs::path& png, const TrainingCurves& curves, const std::string& title);

/// Trainings of one kind, one value per epoch of each; they may differ in length.
struct CurveGroup {
  std::string name;
  std::vector<std::vector<double>> curves;
};

/// Mean, least and greatest value per epoch; NaN where no curve has one.
struct CurveSpread {
  std::vector<double> mean, low, high;
};
CurveSpread spread_of(const std::vector<std::vector<double>>& curves);

/// Each group's mean as a line over a band from its least to its greatest value. 1600x800; `caption` stands
/// beside the values. Throws Error without an epoch.
void draw_grouped_curves(const fs::path& png, const std::vector<CurveGroup>& groups,
                         const std::string& caption);

/// One case side by side: image, reference (unless nullptr), prediction; labels as coloured areas with an
/// outline, and a legend. Of a volume it shows the slice with the most foreground, and one before and one
/// behind it within the foreground. Three channels of a flat image are red, green, blue; else the first
/// channel is drawn in grey between its 0.5 and 99.5 percentiles.
/// `label_names[v]` names value v; missing and empty names become "label v". Values below 1 are background.
/// `pixel_aspect` is the spacing of y over that of x.
/// Throws Error where the sizes of image and labels differ.
void draw_overlay(const fs::path& png, const Image& image, const Labels* reference, const Labels& prediction,
                  const std::vector<std::string>& label_names, const std::string& title,
                  double pixel_aspect = 1.0);

}  // namespace seg
