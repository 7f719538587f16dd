// NumPy's legacy generator (numpy.random.RandomState), for results that must be equal to nnU-Net's: folds,
// sampled statistics and class locations. Source: NumPy's documented stream compatibility (NEP 19).
#pragma once
#include <bit>
#include <cstdint>
#include <random>
#include <span>
#include <utility>
#include <vector>

namespace seg {

/// RandomState(seed) with an integer seed: MT19937, whose seeding and 32-bit draws std::mt19937 shares.
class NumpyRandom {
 public:
  explicit NumpyRandom(std::uint32_t seed) : engine_(seed) {}

  /// Uniform in [0, max]: draws are cut to the bits of `max` until one fits. No draw is made for max = 0.
  std::uint32_t up_to(std::uint32_t max) {
    if (max == 0) return 0;
    const std::uint32_t mask = ~std::uint32_t{0} >> std::countl_zero(max);
    std::uint32_t value = 0;
    do {
      value = static_cast<std::uint32_t>(engine_()) & mask;
    } while (value > max);
    return value;
  }

  /// RandomState.shuffle of a one-dimensional array.
  template <class T>
  void shuffle(std::span<T> values) {
    for (std::size_t i = values.size(); i-- > 1;)
      std::swap(values[i], values[up_to(static_cast<std::uint32_t>(i))]);
  }

  /// RandomState.permutation(count).
  std::vector<std::uint32_t> permutation(std::uint32_t count);

  /// RandomState.choice(count, size, replace=False); size <= count.
  std::vector<std::uint32_t> choice(std::uint32_t count, std::uint32_t size);

 private:
  std::mt19937 engine_;
};

}  // namespace seg
