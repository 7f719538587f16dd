// A network in training on two made-up images.
#pragma once
#include <torch/optim/adamw.h>

#include <memory>
#include <vector>

#include "net/network.h"

namespace seg::bench {

class TrainingCase {
 public:
  static constexpr std::int64_t kSize = 320, kClasses = 4, kImages = 2;

  explicit TrainingCase(const char* name);
  /// Forward, loss, backward, and a step of AdamW.
  void step();

 private:
  std::shared_ptr<Network> network_;
  torch::optim::AdamW optimizer_;
  Tensor images_;                ///< [kImages, 1, kSize, kSize]
  std::vector<Tensor> targets_;  ///< by scale
};

}  // namespace seg::bench
