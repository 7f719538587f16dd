// Learning-rate schedules and running averages of training.
#pragma once
#include <cstdint>

namespace seg {

/// nnU-Net's schedule, stepped before the epoch trains: base (1 - e / epochs)^exponent.
double poly_learning_rate(std::int64_t epoch, std::int64_t epochs, double base, double exponent);

/// Cosine annealing stepped before the epoch trains: min + (base - min) (1 + cos(pi e / epochs)) / 2, so
/// epoch 0 has `base` and the last one is not yet `min`.
double cosine_learning_rate(std::int64_t epoch, std::int64_t epochs, double base, double min);

/// VMamba's schedule of iterations: linear from base / 1000 over the first `warmup` ones, then a cosine from
/// base to base / 100 at `total`.
double warmup_cosine_learning_rate(std::int64_t iteration, std::int64_t warmup, std::int64_t total,
                                   double base);

}  // namespace seg
