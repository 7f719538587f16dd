// The table of trainers: nnU-Net's trainer names and the settings behind them.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "train/optimizer_config.h"

namespace seg {

struct TrainerEntry {
  std::string_view name, network;
  bool deep_supervision;
  bool pretrained;  ///< starts from weights only, and freezes the network's encoder in the first epochs
  OptimizerConfig optimizer;
};

std::span<const TrainerEntry> trainers();

/// Throws a usage Error with "did you mean" for an unknown name.
const TrainerEntry& find_trainer(std::string_view name);

/// The first trainer of a network, with or without pretrained weights; networks that have one trainer only
/// are trained by it in either case. Throws a usage Error for a classifier.
const TrainerEntry& trainer_for(std::string_view network, bool pretrained);

}  // namespace seg
