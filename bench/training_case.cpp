#include "training_case.h"

#include "net/set_up_torch.h"
#include "train/loss.h"

namespace seg::bench {
namespace {

std::shared_ptr<Network> training_network(const char* name) {
  set_up_torch();
  return make_network(name, {1, TrainingCase::kClasses, true});
}

}  // namespace

TrainingCase::TrainingCase(const char* name)
    : network_(training_network(name)),
      optimizer_(network_->parameters(), torch::optim::AdamWOptions(1e-4)),
      images_(torch::randn({kImages, 1, kSize, kSize})) {
  for (const auto& [y_scale, x_scale] : network_->scales()) {
    targets_.push_back(torch::randint(
        kClasses, {kImages, 1, scaled_size(kSize, y_scale), scaled_size(kSize, x_scale)}, torch::kInt64));
  }
}

void TrainingCase::step() {
  optimizer_.zero_grad();
  deep_supervision_loss(network_->forward(images_), targets_, {}).backward();
  optimizer_.step();
}

}  // namespace seg::bench
