// Every network learns one batch of the cell phantom by heart with its own trainer's optimiser.
#include <gtest/gtest.h>
#include <torch/nn/utils/clip_grad.h>
#include <torch/optim/optimizer.h>

#include "data/phantom.h"
#include "net/network.h"
#include "train/loss.h"
#include "train/optimizer.h"
#include "train/trainers.h"

namespace seg {
namespace {

constexpr std::int64_t kSide = 64, kImages = 2, kMostSteps = 150, kStepsBetweenChecks = 5;
constexpr double kEnough = 0.95;  // Dice of the nuclei
constexpr double kAdamRate = 1e-3, kSgdRate = 1e-2;

struct TrainingBatch {
  Tensor images;  // [B, 3, H, W], standardised
  Tensor labels;  // [B, 1, H, W], 1 for nuclei
};

/// The middles of the first pictures of the phantom.
TrainingBatch phantom_batch() {
  TrainingBatch batch{torch::empty({kImages, 3, kSide, kSide}),
                      torch::empty({kImages, 1, kSide, kSide}, torch::kInt64)};
  auto images = batch.images.accessor<float, 4>();
  auto labels = batch.labels.accessor<std::int64_t, 4>();
  for (std::int64_t i = 0; i < kImages; ++i) {
    const PhantomCase sample = render_cells(5, static_cast<int>(i));
    const auto space = sample.image.shape;
    const std::int64_t top = (space[2] - kSide) / 2, left = (space[3] - kSide) / 2;
    for (std::int64_t y = 0; y < kSide; ++y) {
      for (std::int64_t x = 0; x < kSide; ++x) {
        for (std::int64_t c = 0; c < 3; ++c) images[i][c][y][x] = sample.image.at(c, 0, top + y, left + x);
        labels[i][0][y][x] = sample.labels.at(0, 0, top + y, left + x) > 0 ? 1 : 0;
      }
    }
  }
  batch.images = (batch.images - batch.images.mean()) / batch.images.std();
  return batch;
}

class EveryTrainedNetwork : public ::testing::TestWithParam<std::string> {};

TEST_P(EveryTrainedNetwork, LearnsOneBatchByHeart) {
  torch::manual_seed(31);
  const auto trains = [](const TrainerEntry& entry) { return entry.network == GetParam(); };
  const TrainerEntry& trainer = *std::find_if(trainers().begin(), trainers().end(), trains);
  OptimizerConfig config = trainer.optimizer;
  config.learning_rate = config.kind == OptimizerKind::sgd ? kSgdRate : kAdamRate;
  const TrainingBatch batch = phantom_batch();
  const auto network = make_network(GetParam(), {3, 2, trainer.deep_supervision, {kSide, kSide}});
  const auto optimizer = make_optimizer(*network, config);
  std::vector<Tensor> targets;
  for (const auto& [y, x] : network->scales()) {
    const std::vector<std::int64_t> size{scaled_size(kSide, y), scaled_size(kSide, x)};
    targets.push_back(torch::upsample_nearest2d(batch.labels.to(torch::kFloat32), size).to(torch::kInt64));
  }
  double dice = 0;
  std::int64_t steps = 0;
  for (; steps < kMostSteps && dice <= kEnough; ++steps) {
    network->train();
    optimizer->zero_grad();
    deep_supervision_loss(network->forward(batch.images), targets, {}).backward();
    torch::nn::utils::clip_grad_norm_(network->parameters(), 12);
    optimizer->step();
    if (steps % kStepsBetweenChecks != 0) continue;
    const torch::NoGradGuard no_grad;
    network->eval();
    dice = hard_counts(network->forward(batch.images)[0], batch.labels, {}).dice().at(0);
  }
  EXPECT_GT(dice, kEnough) << "after " << steps << " steps";
  RecordProperty("steps", static_cast<int>(steps));
}

std::vector<std::string> trained_networks() {
  std::vector<std::string> names;
  for (const auto& entry : networks()) {
    if (entry.segments) names.emplace_back(entry.name);
  }
  return names;
}
INSTANTIATE_TEST_SUITE_P(Networks, EveryTrainedNetwork, ::testing::ValuesIn(trained_networks()),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace seg
