#include "train/optimizer.h"

#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>

#include <map>

#include "base/error.h"
#include "net/network.h"
#include "net/torch_compat.h"
#include "train/schedule.h"

namespace seg {
namespace {

using torch::optim::OptimizerParamState;

constexpr double kMinLearningRate = 1e-6;

/// The tensors of one parameter's state by name.
using StateTensors = std::map<std::string, Tensor>;

template <class State>
StateTensors adam_tensors(const State& state) {
  return {{"exp_avg", state.exp_avg()},
          {"exp_avg_sq", state.exp_avg_sq()},
          {"step", torch::tensor({state.step()}, torch::kInt64)}};
}

template <class State>
std::unique_ptr<OptimizerParamState> adam_state(const StateTensors& tensors) {
  auto state = std::make_unique<State>();
  state->exp_avg(tensors.at("exp_avg"));
  state->exp_avg_sq(tensors.at("exp_avg_sq"));
  state->step(tensors.at("step").item<std::int64_t>());
  return state;
}

StateTensors tensors_of(const OptimizerParamState& state) {
  if (const auto* sgd = dynamic_cast<const torch::optim::SGDParamState*>(&state))
    return {{"momentum_buffer", sgd->momentum_buffer()}};
  if (const auto* adam = dynamic_cast<const torch::optim::AdamParamState*>(&state))
    return adam_tensors(*adam);
  return adam_tensors(dynamic_cast<const torch::optim::AdamWParamState&>(state));
}

bool is_sgd(const torch::optim::Optimizer& optimizer) {
  return dynamic_cast<const torch::optim::SGD*>(&optimizer) != nullptr;
}

std::unique_ptr<OptimizerParamState> state_of(const torch::optim::Optimizer& optimizer,
                                              const StateTensors& tensors) {
  if (is_sgd(optimizer)) {
    auto state = std::make_unique<torch::optim::SGDParamState>();
    state->momentum_buffer(tensors.at("momentum_buffer"));
    return state;
  }
  if (dynamic_cast<const torch::optim::Adam*>(&optimizer) != nullptr)
    return adam_state<torch::optim::AdamParamState>(tensors);
  return adam_state<torch::optim::AdamWParamState>(tensors);
}

}  // namespace

std::unique_ptr<torch::optim::Optimizer> make_optimizer(const Network& network,
                                                        const OptimizerConfig& config) {
  const auto parameters = network.parameters();
  switch (config.kind) {
    case OptimizerKind::sgd:
      return std::make_unique<torch::optim::SGD>(parameters, torch::optim::SGDOptions(config.learning_rate)
                                                                 .momentum(kMomentum)
                                                                 .nesterov(true)
                                                                 .weight_decay(config.weight_decay));
    case OptimizerKind::adam:
      return std::make_unique<torch::optim::Adam>(
          parameters,
          torch::optim::AdamOptions(config.learning_rate).eps(kAdamEps).weight_decay(config.weight_decay));
    case OptimizerKind::adamw:
      return std::make_unique<torch::optim::AdamW>(
          parameters,
          torch::optim::AdamWOptions(config.learning_rate).eps(kAdamEps).weight_decay(config.weight_decay));
  }
  fail("unknown kind of optimiser");
}

double set_learning_rate(torch::optim::Optimizer& optimizer, const OptimizerConfig& config,
                         std::int64_t epoch, std::int64_t epochs) {
  const double rate = config.poly_exponent > 0
                          ? poly_learning_rate(epoch, epochs, config.learning_rate, config.poly_exponent)
                          : cosine_learning_rate(epoch, epochs, config.learning_rate, kMinLearningRate);
  for (auto& group : optimizer.param_groups()) group.options().set_lr(rate);
  return rate;
}

NamedTensors optimizer_state(const Network& network, torch::optim::Optimizer& optimizer) {
  NamedTensors tensors;
  for (const auto& item : network.named_parameters()) {
    const auto found = optimizer.state().find(optimizer_state_key(item.value()));
    if (found == optimizer.state().end()) continue;  // never stepped
    for (const auto& [name, tensor] : tensors_of(*found->second))
      tensors.emplace_back(item.key() + "." + name, tensor);
  }
  return tensors;
}

void set_optimizer_state(const Network& network, torch::optim::Optimizer& optimizer,
                         const NamedTensors& tensors) {
  const std::map<std::string, Tensor> by_name(tensors.begin(), tensors.end());
  const std::vector<std::string> names = is_sgd(optimizer)
                                             ? std::vector<std::string>{"momentum_buffer"}
                                             : std::vector<std::string>{"exp_avg", "exp_avg_sq", "step"};
  std::size_t used = 0;
  for (const auto& item : network.named_parameters()) {
    if (by_name.count(item.key() + "." + names.back()) == 0) continue;  // never stepped
    StateTensors own;
    for (const auto& name : names) {
      const std::string full = item.key() + "." + name;
      const std::int64_t count = name == "step" ? 1 : item.value().numel();
      const auto found = by_name.find(full);
      if (found == by_name.end()) fail("optimiser state {} is missing", full);
      if (found->second.numel() != count)
        fail("optimiser state {}: expected {} values, got {}", full, count, found->second.numel());
      own[name] = name == "step" ? found->second : found->second.view_as(item.value());
      ++used;
    }
    optimizer.state()[optimizer_state_key(item.value())] = state_of(optimizer, own);
  }
  if (used != tensors.size()) {
    fail("optimiser state: {} of {} tensors belong to no parameter of this network and optimiser",
         tensors.size() - used, tensors.size());
  }
}

}  // namespace seg
