// What the trainers step with, as data.
#pragma once

namespace seg {

enum class OptimizerKind {
  sgd,   ///< momentum 0.99, Nesterov
  adam,  ///< betas 0.9 and 0.999, eps 1e-5; weight decay as part of the gradient
  adamw  ///< the same with decoupled weight decay
};

struct OptimizerConfig {
  OptimizerKind kind = OptimizerKind::adamw;
  double learning_rate = 1e-4, weight_decay = 0.05;
  double poly_exponent = 0;  ///< the rate falls as (1 - epoch / epochs)^exponent; 0: as a cosine to 1e-6
};

}  // namespace seg
