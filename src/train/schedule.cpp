#include "train/schedule.h"

#include <cmath>
#include <numbers>

namespace seg {

double poly_learning_rate(std::int64_t epoch, std::int64_t epochs, double base, double exponent) {
  return base * std::pow(1 - static_cast<double>(epoch) / static_cast<double>(epochs), exponent);
}

double cosine_learning_rate(std::int64_t epoch, std::int64_t epochs, double base, double min) {
  const double phase = std::numbers::pi * static_cast<double>(epoch) / static_cast<double>(epochs);
  return min + (base - min) * (1 + std::cos(phase)) / 2;
}

double warmup_cosine_learning_rate(std::int64_t iteration, std::int64_t warmup, std::int64_t total,
                                   double base) {
  constexpr double kStart = 1e-3, kEnd = 1e-2;
  if (iteration >= warmup) return cosine_learning_rate(iteration - warmup, total - warmup, base, base * kEnd);
  return base * (kStart + (1 - kStart) * static_cast<double>(iteration) / static_cast<double>(warmup));
}

}  // namespace seg
