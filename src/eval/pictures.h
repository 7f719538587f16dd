// Pictures for people: training curves and overlays (Cairo).
#pragma once
#include <string>
#include <vector>

#include "base/files.h"
#include "image/volume.h"

namespace seg {

/// One curve per entry; equal lengths, one value per epoch.
struct TrainingCurves {
  std::vector<double> train_loss, val_loss, pseudo_dice, ema_dice, epoch_seconds, learning_rate;
};

/// nnU-Net's progress.png: losses with pseudo Dice on a second axis, epoch time, learning rate.
void draw_training_curves(const fs::path& png, const TrainingCurves& curves, const std::string& title);

/// One case side by side: image, label, prediction (label and prediction as coloured overlays with a legend).
/// Shows the slice with the most foreground; `reference` may be nullptr.
void draw_overlay(const fs::path& png, const Image& image, const Labels* reference, const Labels& prediction,
                  const std::vector<std::string>& label_names, const std::string& title);

}  // namespace seg
