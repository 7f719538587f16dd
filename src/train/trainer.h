// Training of one fold, in the order and with the numbers of the official trainers.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "base/files.h"
#include "data/dataset.h"
#include "data/plan.h"
#include "data/splits.h"
#include "infer/trainer_table.h"

namespace seg {

/// Defaults are the official trainers', which also keep every 50th checkpoint.
struct TrainConfig {
  std::string trainer = "nnUNetTrainerSwinUMambaD", network = "swin_umamba_d";
  bool deep_supervision = true;
  std::int64_t epochs = kOfficialEpochs, iterations = kOfficialIterations, val_iterations = 50;
  std::int64_t batch_size = 2;
  std::array<std::int64_t, 2> patch_size{};  ///< (y, x); enlarged to a legal size of the network
  OptimizerConfig optimizer{};
  double clip_norm = 12;
  double foreground_share = 0.33;
  bool augment = true;
  std::int64_t freeze_epochs = kOfficialFreezeEpochs;  ///< of the encoder, with pretrained weights
  std::int64_t save_every = 50;                        ///< epochs between checkpoint_latest
  std::int64_t keep_every = 0;  ///< also keep checkpoint_<epoch> every so many epochs; 0 for none
  std::uint64_t seed = 0;
  fs::path
      pretrained;  ///< file to start from, see train/pretrained.h; empty for none; a resumed one needs none
  bool resume = false;
};

/// What is trained on, and where the results go.
struct TrainTask {
  DatasetInfo info;
  Configuration configuration;
  Split split;
  fs::path cases;   ///< folder of the stored cases
  fs::path output;  ///< fold folder: checkpoints, log, progress.png
};

/// Trains and leaves checkpoint_best, checkpoint_final (and checkpoint_latest on the way), training_log_*.txt
/// and progress.png in the output folder; pretrained.tsv says what came from a file of weights.
void train(const TrainTask& task, const TrainConfig& config);

/// The checkpoint a resumed training starts from: final, latest or best, in this order. Empty where there is
/// none.
fs::path newest_checkpoint(const fs::path& fold);

}  // namespace seg
