// Every trainer's own optimiser on its own network, and optimisers that go on where they were stopped.
#include "train/optimizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/optim/optimizer.h>

#include <array>
#include <set>

#include "net/network.h"
#include "support/errors.h"
#include "train/loss.h"
#include "train/trainers.h"

namespace seg {
namespace {

constexpr std::int64_t kSize = 64;

/// One training step on random numbers of a seed; returns the loss.
double step(Network& network, torch::optim::Optimizer& optimizer, std::uint64_t seed) {
  torch::manual_seed(seed);
  const Tensor x = torch::randn({2, 1, kSize, kSize});
  std::vector<Tensor> targets;
  for (const auto& [y_scale, x_scale] : network.scales()) {
    const auto height = scaled_size(kSize, y_scale), width = scaled_size(kSize, x_scale);
    targets.push_back(torch::randint(0, 2, {2, 1, height, width}, torch::kInt64));
  }
  optimizer.zero_grad();
  network.train();
  const Tensor loss = deep_supervision_loss(network.forward(x), targets, {});
  loss.backward();
  optimizer.step();
  return loss.item<double>();
}

std::shared_ptr<Network> make(std::string_view name, bool deep_supervision) {
  torch::manual_seed(21);
  return make_network(name, {1, 2, deep_supervision, {kSize, kSize}});
}

class NetworksTrainer : public ::testing::TestWithParam<std::string> {};

TEST_P(NetworksTrainer, TakesAFiniteStepWithEveryParameterItUses) {
  const TrainerEntry& trainer = find_trainer(GetParam());
  const auto network = make(trainer.network, trainer.deep_supervision);
  const auto optimizer = make_optimizer(*network, trainer.optimizer);
  std::vector<Tensor> before;
  for (const auto& parameter : network->parameters()) before.push_back(parameter.detach().clone());
  EXPECT_TRUE(std::isfinite(step(*network, *optimizer, 22)));
  std::size_t i = 0;
  for (const auto& item : network->named_parameters()) {
    const Tensor& old = before[i++];
    EXPECT_TRUE(torch::isfinite(item.value()).all().item<bool>()) << item.key();
    // A gradient that is zero, of a bias before an instance norm, moves nothing measurable.
    const bool used = item.value().grad().defined() && item.value().grad().abs().max().item<double>() > 1e-6;
    if (used) {
      EXPECT_FALSE(torch::equal(item.value(), old)) << item.key();
    }
  }
}

/// The first trainer of each network.
std::vector<std::string> trainer_names() {
  std::vector<std::string> names;
  std::set<std::string_view> networks;
  for (const auto& entry : trainers()) {
    if (networks.insert(entry.network).second) names.emplace_back(entry.name);
  }
  return names;
}
INSTANTIATE_TEST_SUITE_P(Trainers, NetworksTrainer, ::testing::ValuesIn(trainer_names()),
                         [](const auto& instance) { return instance.param; });

class EveryOptimizer : public ::testing::TestWithParam<OptimizerKind> {};

TEST_P(EveryOptimizer, GoesOnFromItsSavedStateAsItWouldHave) {
  const OptimizerConfig config{GetParam(), 1e-3, 0.01, 0};
  const auto whole = make("nnunet", true), resumed = make("nnunet", true);
  const auto optimizer = make_optimizer(*whole, config);
  step(*whole, *optimizer, 23);
  step(*whole, *optimizer, 24);
  NamedTensors state;
  for (const auto& [name, tensor] : optimizer_state(*whole, *optimizer))
    state.emplace_back(name, tensor.clone());
  load_state_dict_strictly(*resumed, state_dict(*whole));
  const auto second = make_optimizer(*resumed, config);
  set_optimizer_state(*resumed, *second, state);
  step(*whole, *optimizer, 25);
  step(*resumed, *second, 25);
  const auto expected = state_dict(*whole), got = state_dict(*resumed);
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_TRUE(torch::equal(got[i].second, expected[i].second)) << expected[i].first;
}

TEST_P(EveryOptimizer, NamesTheStateThatDoesNotFit) {
  const auto network = make("nnunet", true);
  const auto optimizer = make_optimizer(*network, {GetParam(), 1e-3, 0.01, 0});
  step(*network, *optimizer, 26);
  auto state = optimizer_state(*network, *optimizer);
  state.front().second = torch::zeros({3, 5});
  EXPECT_THAT(testing::error_of([&] { set_optimizer_state(*network, *optimizer, state); }),
              ::testing::HasSubstr(state.front().first + ": expected"));
}

TEST(Optimizers, RefuseTheStateOfAnotherKind) {
  const auto network = make("nnunet", true);
  const auto sgd = make_optimizer(*network, {OptimizerKind::sgd, 1e-3, 0.01, 0});
  step(*network, *sgd, 27);
  const auto adamw = make_optimizer(*network, {OptimizerKind::adamw, 1e-3, 0.01, 0});
  const auto restore = [&] { set_optimizer_state(*network, *adamw, optimizer_state(*network, *sgd)); };
  EXPECT_THAT(testing::error_of(restore), ::testing::HasSubstr("belong to no parameter"));
}

std::string kind_name(const ::testing::TestParamInfo<OptimizerKind>& instance) {
  constexpr std::array<const char*, 3> kNames{"sgd", "adam", "adamw"};
  return kNames.at(static_cast<std::size_t>(instance.param));
}
INSTANTIATE_TEST_SUITE_P(Kinds, EveryOptimizer,
                         ::testing::Values(OptimizerKind::sgd, OptimizerKind::adam, OptimizerKind::adamw),
                         kind_name);

}  // namespace
}  // namespace seg
