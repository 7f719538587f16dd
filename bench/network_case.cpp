#include "network_case.h"

#include "engine/int8_weights.h"
#include "infer/network_config.h"
#include "net/set_up_torch.h"

namespace seg::bench {

NetworkCase::NetworkCase(const char* name, std::int64_t size, std::int64_t images) : name_(name) {
  set_up_torch();
  torch::manual_seed(0);
  network_ = make_network(name, {1, kClasses, false, {size, size}});
  network_->eval();
  weights_ = state_dict(*network_);
  shape_ = {1, kClasses, size, size, resolved_topology(network_->config())};
  images_ = torch::randn({images, 1, size, size});
  logits_.resize(static_cast<std::size_t>(images * kClasses * size * size));
}

std::span<const float> NetworkCase::values() const {
  return {images_.data_ptr<float>(), static_cast<std::size_t>(images_.numel())};
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
