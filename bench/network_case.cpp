#include "network_case.h"

#include "engine/int8_weights.h"
#include "infer/network_config.h"
#include "net/set_up_torch.h"

namespace seg::bench {

NetworkCase::NetworkCase(const char* name) : name_(name) {
  set_up_torch();
  torch::manual_seed(0);
  network_ = make_network(name, {1, kClasses, false, {kSize, kSize}});
  network_->eval();
  weights_ = state_dict(*network_);
  shape_ = {1, kClasses, kSize, kSize, resolved_topology(network_->config())};
  image_ = torch::randn({1, 1, kSize, kSize});
  logits_.resize(static_cast<std::size_t>(kClasses * kSize * kSize));
}

std::span<const float> NetworkCase::values() const {
  return {image_.data_ptr<float>(), static_cast<std::size_t>(image_.numel())};
}

void NetworkCase::run(engine::Engine& engine) {
  engine.run(values(), logits_);
}

engine::Engine NetworkCase::engine() const {
  return {name_, shape_, views_of(weights_)};
}

engine::Engine NetworkCase::int8_engine() const {
  engine::Calibration calibration;
  std::vector<float> logits(logits_.size());
  engine::Engine(name_, shape_, views_of(weights_), {}, &calibration).run(values(), logits);
  const engine::Int8Weights int8(views_of(weights_), calibration);
  return {name_, shape_, int8.arrays()};
}

}  // namespace seg::bench
