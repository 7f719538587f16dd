// Checkpoints: weights, optimiser state and everything needed to go on, in one safetensors file. Those of
// nnU-Net's trainers (.pth) are read too.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json_fwd.h"
#include "net/network_table.h"
#include "weights/named_arrays.h"

namespace torch::optim {
class Optimizer;
}

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

/// Tensors "network_weights.<key>", each once under its first name, and "optimizer_state.<key>.<name>" (see
/// train/optimizer.h); the rest is JSON in the metadata. Written atomically.
void save_checkpoint(const fs::path& path, const Network& network, torch::optim::Optimizer& optimizer,
                     const CheckpointInfo& info);

/// nnU-Net's "logging", to and from JSON.
Json to_json(const TrainingLog& log);
TrainingLog log_from_json(const Json& json);

/// What prediction must know of a checkpoint: network, in_channels, classes, deep_supervision, patch_size,
/// topology and inference_allowed_mirroring_axes; and back, the rest left as it is in a new CheckpointInfo.
Json network_to_json(const CheckpointInfo& info);
CheckpointInfo network_from_json(const Json& json);

/// Reads what is not a tensor. Throws Error naming the file when it is not a checkpoint.
CheckpointInfo read_checkpoint_info(const fs::path& path);

/// Builds the checkpoint's network with its weights. Throws Error naming the file when they do not fit.
std::shared_ptr<Network> load_network(const fs::path& path, const CheckpointInfo& info);

/// The same from arrays called by the names of the network's state dict.
std::shared_ptr<Network> load_network(const CheckpointInfo& info, std::span<const TensorView> weights);

/// Restores weights and optimiser state into a training that goes on.
void restore_checkpoint(const fs::path& path, Network& network, torch::optim::Optimizer& optimizer);

}  // namespace seg
