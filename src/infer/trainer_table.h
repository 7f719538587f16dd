// The table of trainers: nnU-Net's trainer names, the networks they train and the settings behind them.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "infer/optimizer_config.h"

namespace seg {

struct TrainerEntry {
  std::string_view name, network;
  bool deep_supervision;
  bool pretrained;  ///< starts from weights only, and freezes the network's encoder in the first epochs
  OptimizerConfig optimizer;
};

/// How long each of them trains.
inline constexpr std::int64_t kOfficialEpochs = 1000, kOfficialIterations = 250;
/// The encoder stands still in the first so many epochs, with pretrained weights.
inline constexpr std::int64_t kOfficialFreezeEpochs = 10;

std::span<const TrainerEntry> trainers();

/// Throws a usage Error with "did you mean" for an unknown name.
const TrainerEntry& find_trainer(std::string_view name);

}  // namespace seg
