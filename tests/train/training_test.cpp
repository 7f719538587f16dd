// One backward pass and five optimiser steps with their own trainers' optimisers against goldens/training.
#include <gtest/gtest.h>
#include <torch/nn/utils/clip_grad.h>
#include <torch/optim/optimizer.h>

#include <set>

#include "base/json.h"
#include "net/formula_weights.h"
#include "net/network.h"
#include "net/vss.h"
#include "support/tolerances.h"
#include "train/loss.h"
#include "train/optimizer.h"
#include "train/trainer.h"
#include "train/trainers.h"

namespace seg {
namespace {

struct GoldenTraining {
  explicit GoldenTraining(const std::string& file)
      : json(read_json(testing::shared_folder() / "goldens/training" / (file + ".json"))),
        name(json["network"].get<std::string>()),
        network(make_network(name, {json["in_channels"].get<std::int64_t>(),
                                    json["classes"].get<std::int64_t>(),
                                    true,
                                    {json["input"]["shape"][2], json["input"]["shape"][3]}})) {
    testing::fill_by_formula(*network);
    set_drop_path_rate(*network, 0.0);
    network->train();
    input = testing::formula_input(json["input"]["name"], json["input"]["shape"]);
    for (std::size_t i = 0; i < network->scales().size(); ++i) {
      const auto path =
          testing::shared_folder() / "goldens/training" / fmt::format("{}_target{}.npy", name, i);
      const NpyFile target(path);
      const auto values = target.values<std::int8_t>();
      Tensor tensor = torch::empty(target.shape(), torch::kInt64);
      std::copy(values.begin(), values.end(), tensor.data_ptr<std::int64_t>());
      targets.push_back(tensor);
    }
  }

  Tensor loss() { return deep_supervision_loss(network->forward(input), targets, {}); }
  /// Of gradients at the formula's weights. swin_umamba_d has no kinks, and nnunet none near this point.
  double tolerance() const {
    return name == "swin_umamba" ? testing::kTrainingKinks : testing::kTrainingSmooth;
  }
  /// After steps, which lead any LeakyReLU across its kink.
  double step_tolerance() const {
    return name == "swin_umamba_d" ? testing::kTrainingSmooth : testing::kTrainingKinks;
  }

  Json json;
  std::string name;
  std::shared_ptr<Network> network;
  Tensor input;
  std::vector<Tensor> targets;
};

double l2(const Tensor& tensor) {
  return tensor.to(torch::kFloat64).norm().item<double>();
}

/// sum(t_i * u_i), u of the name "probe." + name: tells directions apart that a norm does not.
double probe(const std::string& name, const Tensor& tensor) {
  const Tensor flat = tensor.detach().to(torch::kFloat64).flatten();
  const auto key = testing::formula_key("probe." + name);
  const double* values = flat.data_ptr<double>();
  double sum = 0;
  for (std::int64_t i = 0; i < flat.numel(); ++i) {
    sum += values[i] * testing::formula_u(key, static_cast<std::uint64_t>(i));
  }
  return sum;
}

/// Variants of a network's trainer share their optimiser: the first one is as good as any.
const TrainerEntry& trainer_of(const std::string& network) {
  const auto trains = [&](const TrainerEntry& entry) { return entry.network == network; };
  return *std::find_if(trainers().begin(), trainers().end(), trains);
}

class GoldenTrainingFile : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenTrainingFile, LossesAndGradients) {
  SEG_REQUIRE_SHARED("goldens/training/" + GetParam() + ".json");
  GoldenTraining golden(GetParam());
  const auto outputs = golden.network->forward(golden.input);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const double expected = golden.json["per_output_loss"][i].get<double>();
    EXPECT_NEAR(dice_ce_loss(outputs[i], golden.targets[i], {}).item<double>(), expected,
                testing::kTrainingSmooth * expected);
  }
  const Tensor loss = golden.loss();
  EXPECT_NEAR(loss.item<double>(), golden.json["loss"].get<double>(), testing::kTrainingSmooth);
  loss.backward();

  const auto zero_names =
      golden.json["gradients_zero_in_exact_arithmetic"]["names"].get<std::set<std::string>>();
  const auto unused = golden.json["parameters_without_gradient"].get<std::set<std::string>>();
  std::map<std::string, Tensor> gradients;
  for (const auto& item : golden.network->named_parameters()) {
    EXPECT_EQ(item.value().grad().defined(), unused.count(item.key()) == 0) << item.key();
    if (item.value().grad().defined()) gradients[item.key()] = item.value().grad();
  }
  for (const auto& expected : golden.json["gradients"]) {
    const auto key = expected["name"].get<std::string>();
    if (unused.count(key) != 0) continue;
    SCOPED_TRACE(key);
    const double norm = expected["l2"].get<double>();
    if (zero_names.count(key) != 0) {
      EXPECT_LE(l2(gradients.at(key)), 1e-6);  // rounding noise around zero
      continue;
    }
    EXPECT_NEAR(l2(gradients.at(key)), norm, golden.tolerance() * norm);
    // The probe is a sum of signed terms of size |g| |u|: its error is measured against the norm, too.
    const double probe_tolerance = std::max(
        golden.tolerance() * norm, 3 * golden.json["worst_probe_difference_over_l2"].get<double>() * norm);
    EXPECT_NEAR(probe(key, gradients.at(key)), expected["probe"].get<double>(), probe_tolerance);
  }
}

TEST_P(GoldenTrainingFile, FiveOptimiserSteps) {
  SEG_REQUIRE_SHARED("goldens/training/" + GetParam() + ".json");
  const Json json = read_json(testing::shared_folder() / "goldens/training" / (GetParam() + ".json"));
  if (json["runs"].empty()) GTEST_SKIP() << GetParam() << " has gradients only";
  for (const auto& run : json["runs"]) {
    SCOPED_TRACE(run["variant"].get<std::string>());
    GoldenTraining golden(GetParam());
    if (run["encoder_frozen"].get<bool>()) {
      for (auto& parameter : golden.network->pretrained_parameters()) parameter.set_requires_grad(false);
    }
    std::map<std::string, Tensor> start, after;
    for (const auto& [key, tensor] : state_dict(*golden.network)) start[key] = tensor.detach().clone();
    const TrainConfig config;
    const auto optimizer = make_optimizer(*golden.network, trainer_of(golden.name).optimizer);
    for (const auto& step : run["steps"]) {
      optimizer->zero_grad();
      const Tensor loss = golden.loss();
      EXPECT_NEAR(loss.item<double>(), step["loss"].get<double>(),
                  golden.step_tolerance() * step["loss"].get<double>());
      loss.backward();
      const double norm = torch::nn::utils::clip_grad_norm_(golden.network->parameters(), config.clip_norm);
      const double expected_norm = step["grad_norm_before_clip"].get<double>();
      EXPECT_NEAR(norm, expected_norm, golden.step_tolerance() * expected_norm);
      optimizer->step();
    }
    const torch::NoGradGuard no_grad;
    const double expected_loss = run["loss_after_5_steps"].get<double>();
    EXPECT_NEAR(golden.loss().item<double>(), expected_loss, golden.step_tolerance() * expected_loss);
    for (const auto& [key, tensor] : state_dict(*golden.network)) after[key] = tensor;
    for (const auto& expected : run["parameters_after"]) {
      const auto key = expected["name"].get<std::string>();
      const double norm = expected["l2"].get<double>(), change = expected["change_l2"].get<double>();
      EXPECT_NEAR(l2(after.at(key)), norm, golden.step_tolerance() * norm) << key;
      // Adam divides by the gradient's size: where kinks move small gradients, the step moves as a whole.
      if (golden.name == "swin_umamba") continue;
      EXPECT_NEAR(l2(after.at(key) - start.at(key)), change, golden.step_tolerance() * change) << key;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Goldens, GoldenTrainingFile,
                         ::testing::Values("swin_umamba_d", "swin_umamba", "swin_umamba_input_t2", "nnunet"),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace seg
