// Optimisers and learning rates of the trainers, and the optimisers' state as named tensors.
#pragma once
#include <cstdint>
#include <memory>

#include "infer/optimizer_config.h"
#include "net/state_dict.h"

namespace torch::optim {
class Optimizer;
}

namespace seg {

class Network;

std::unique_ptr<torch::optim::Optimizer> make_optimizer(const Network& network,
                                                        const OptimizerConfig& config);

/// Sets the learning rate of an epoch and returns it.
double set_learning_rate(torch::optim::Optimizer& optimizer, const OptimizerConfig& config,
                         std::int64_t epoch, std::int64_t epochs);

/// "<parameter>.exp_avg", ".exp_avg_sq", ".step", or ".momentum_buffer", of every parameter that was stepped.
NamedTensors optimizer_state(const Network& network, torch::optim::Optimizer& optimizer);

/// The reverse. Throws Error where a tensor is missing or of another size.
void set_optimizer_state(const Network& network, torch::optim::Optimizer& optimizer,
                         const NamedTensors& tensors);

}  // namespace seg
