// What the trainers step with, as data.
#pragma once

namespace seg {

inline constexpr double kMomentum = 0.99, kAdamEps = 1e-5;

enum class OptimizerKind {
  sgd,   ///< kMomentum, Nesterov
  adam,  ///< betas 0.9 and 0.999, kAdamEps; weight decay as part of the gradient
  adamw  ///< the same with decoupled weight decay
};

struct OptimizerConfig {
  OptimizerKind kind = OptimizerKind::adamw;
  double learning_rate = 1e-4, weight_decay = 0.05;
  double poly_exponent = 0;  ///< the rate falls as (1 - epoch / epochs)^exponent; 0: as a cosine to 1e-6
};

}  // namespace seg
