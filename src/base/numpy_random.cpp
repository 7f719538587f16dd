#include "base/numpy_random.h"

#include <numeric>

#include "base/error.h"

namespace seg {

std::vector<std::uint32_t> NumpyRandom::permutation(std::uint32_t count) {
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0u);
  shuffle(std::span(order));
  return order;
}

std::vector<std::uint32_t> NumpyRandom::choice(std::uint32_t count, std::uint32_t size) {
  if (size > count) fail("cannot choose {} of {} without replacement", size, count);
  auto chosen = permutation(count);
  chosen.resize(size);
  return chosen;
}

}  // namespace seg
