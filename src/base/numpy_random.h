// NumPy's legacy generator (numpy.random.RandomState), for results that must be equal to nnU-Net's: folds,
// sampled statistics and class locations. Source: NumPy's documented stream compatibility (NEP 19).
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace seg {

/// RandomState(seed) with an integer seed: MT19937 (Matsumoto, Nishimura 1998), made in blocks for speed.
class NumpyRandom {
 public:
  explicit NumpyRandom(std::uint32_t seed);

  std::uint32_t next() {
    if (used_ == kBlock) refill();
    return block_[used_++];
  }

  /// Uniform in [0, max]: draws are cut to the bits of `max` until one fits. No draw is made for max = 0.
  std::uint32_t up_to(std::uint32_t max) {
    if (max == 0) return 0;
    const std::uint32_t mask = mask_of(max);
    std::uint32_t value = next() & mask;
    while (value > max) value = next() & mask;
    return value;
  }

  /// `use(up_to(max))`, `count` times. Several times faster than single draws: there is no branch to
  /// mispredict.
  template <class Use>
  void repeat_up_to(std::uint32_t max, std::size_t count, Use&& use) {
    const std::uint32_t mask = mask_of(max);
    std::array<std::uint32_t, kBlock> fitting;
    while (max != 0 && count > 0) {
      if (used_ == kBlock) refill();
      const std::size_t end = used_ + std::min(kBlock - used_, count);
      std::size_t kept = 0;
      for (; used_ < end; ++used_) {
        fitting[kept] = block_[used_] & mask;
        kept += fitting[kept] <= max ? 1 : 0;
      }
      for (std::size_t i = 0; i < kept; ++i) use(fitting[i]);
      count -= kept;
    }
    for (; count > 0; --count) use(0u);
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
  static constexpr std::size_t kBlock = 624;

  /// The lowest bits that `max` needs; max > 0 or the result is not used.
  static std::uint32_t mask_of(std::uint32_t max) {
    return max == 0 ? 0 : ~std::uint32_t{0} >> std::countl_zero(max);
  }
  void refill();

  std::array<std::uint32_t, kBlock> state_{}, block_{};
  std::size_t used_ = kBlock;
};

}  // namespace seg
