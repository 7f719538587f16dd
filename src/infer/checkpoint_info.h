// What a checkpoint says beside its tensors: of our own (safetensors) and of nnU-Net's trainers (.pth).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json_fwd.h"
#include "infer/network_config.h"

namespace seg {

/// nnU-Net's "logging": one entry per finished epoch.
struct TrainingLog {
  std::vector<double> mean_fg_dice, ema_fg_dice, train_losses, val_losses, lrs, epoch_start_timestamps,
      epoch_end_timestamps;
  std::vector<std::vector<double>> dice_per_class_or_region;
};

/// How the names of tensors in a checkpoint begin.
inline constexpr const char *kWeightsPrefix = "network_weights.", *kStatePrefix = "optimizer_state.";

struct CheckpointInfo {
  std::string trainer_name, network;
  NetworkConfig network_config;    ///< what to build the network anew with
  Size2d patch_size{};             ///< (y, x), a legal size of the network
  std::int64_t current_epoch = 0;  ///< the next one to train
  std::int64_t epochs = 0;         ///< planned
  std::int64_t iterations = 0, batch_size = 0;
  std::uint64_t seed = 0;
  bool pretrained = false;
  std::int64_t freeze_epochs = 0;  ///< the encoder stands still in the first so many
  bool mirrored = true;  ///< trained on mirrored images, so that prediction may average over mirrors
  std::optional<double> best_ema;
  TrainingLog logging;
};

/// nnU-Net's "logging", to and from JSON.
Json to_json(const TrainingLog& log);
TrainingLog log_from_json(const Json& json);

/// What prediction must know of a checkpoint: network, in_channels, classes, deep_supervision, patch_size,
/// topology and inference_allowed_mirroring_axes; and back, the rest left as it is in a new CheckpointInfo.
Json network_to_json(const CheckpointInfo& info);
CheckpointInfo network_from_json(const Json& json);

/// All of it, as the metadata of our checkpoints have it under kCheckpointKey.
Json to_json(const CheckpointInfo& info);

/// Reads what is not a tensor, of our checkpoints and of nnU-Net's (.pth). Settings that nnU-Net does not
/// store are the official trainers'. Throws Error naming the file when it is no checkpoint, or of a trainer
/// that is not in the table.
CheckpointInfo read_checkpoint_info(const fs::path& path);

}  // namespace seg
