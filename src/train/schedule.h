// Learning-rate schedules and running averages of training.
#pragma once
#include <cstdint>

namespace seg {

/// Cosine annealing stepped before the epoch trains: min + (base - min) (1 + cos(pi e / epochs)) / 2, so
/// epoch 0 has `base` and the last one is not yet `min`.
double cosine_learning_rate(std::int64_t epoch, std::int64_t epochs, double base, double min);

}  // namespace seg
