// A network with random weights and images of noise, for either runtime.
#pragma once
#include <span>
#include <vector>

#include "engine/engine.h"
#include "net/network.h"
#include "net/state_dict.h"

namespace seg::bench {

class NetworkCase {
 public:
  static constexpr std::int64_t kSize = 320, kClasses = 4;

  explicit NetworkCase(const char* name, std::int64_t size = kSize, std::int64_t images = 1);

  std::shared_ptr<Network> network() const { return network_; }
  std::vector<TensorView> arrays() const { return views_of(weights_); }
  const Tensor& images() const { return images_; }  ///< [images, 1, size, size]

  engine::Engine engine() const;
  /// With all layers that int8 can serve in int8, calibrated on the images.
  engine::Engine int8_engine() const;
  void run(engine::Engine& engine);

 private:
  std::span<const float> values() const;

  const char* name_;
  std::shared_ptr<Network> network_;
  NamedTensors weights_;
  engine::ImageShape shape_;
  Tensor images_;
  std::vector<float> logits_;
};

}  // namespace seg::bench
