#include "train/log_lines.h"

#include <fmt/ranges.h>

#include <cmath>

#include "base/json.h"
#include "train/checkpoint.h"

namespace seg {
namespace {

/// As Python prints numpy's rounding: "0.0", "1.075", "4e-05", "nan".
std::string rounded(double value, int places) {
  const double power = std::pow(10, places), result = std::nearbyint(value * power) / power;
  return std::isnan(result) ? "nan" : to_text(Json(result));
}

}  // namespace

std::vector<std::string> lines_before_epoch(std::int64_t epoch, double learning_rate) {
  return {"", fmt::format("Epoch {}", epoch),
          fmt::format("Current learning rate: {}", rounded(learning_rate, 5))};
}

std::vector<std::string> lines_after_epoch(const TrainingLog& log, std::size_t epoch, bool best) {
  std::vector<std::string> dice;
  for (const double value : log.dice_per_class_or_region.at(epoch)) dice.push_back(rounded(value, 4));
  const double seconds = log.epoch_end_timestamps.at(epoch) - log.epoch_start_timestamps.at(epoch);
  std::vector<std::string> lines{fmt::format("train_loss {}", rounded(log.train_losses.at(epoch), 4)),
                                 fmt::format("val_loss {}", rounded(log.val_losses.at(epoch), 4)),
                                 fmt::format("Pseudo dice [{}]", fmt::join(dice, ", ")),
                                 fmt::format("Epoch time: {} s", rounded(seconds, 2))};
  if (best)
    lines.push_back(fmt::format("Yayy! New best EMA pseudo Dice: {}", rounded(log.ema_fg_dice.at(epoch), 4)));
  return lines;
}

}  // namespace seg
