// Checkpoints: weights, optimiser state and everything needed to go on, in one safetensors file. Those of
// nnU-Net's trainers (.pth) are read too.
#pragma once
#include <memory>

#include "infer/checkpoint_info.h"
#include "infer/trained_model.h"

namespace torch::optim {
class Optimizer;
}

namespace seg {

class Network;

/// Tensors "network_weights.<key>", each once under its first name, and "optimizer_state.<key>.<name>" (see
/// train/optimizer.h); the rest is JSON in the metadata. Written atomically.
void save_checkpoint(const fs::path& path, const Network& network, torch::optim::Optimizer& optimizer,
                     const CheckpointInfo& info);

/// Builds the checkpoint's network with its weights. Throws Error naming the file when they do not fit.
std::shared_ptr<Network> load_network(const fs::path& path, const CheckpointInfo& info);

/// The same for a fold of a trained model.
std::shared_ptr<Network> load_network(const TrainedFold& fold);

/// Restores weights and optimiser state into a training that goes on.
void restore_checkpoint(const fs::path& path, Network& network, torch::optim::Optimizer& optimizer);

}  // namespace seg
