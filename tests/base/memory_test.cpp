#include "base/memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace seg {
namespace {

TEST(FloatPool, HandsOutPartsThatOutliveIt) {
  std::vector<std::pair<std::shared_ptr<float[]>, std::size_t>> parts;
  {
    FloatPool pool;
    // Small ones share pieces of 8 Mi numbers, large ones have their own.
    for (int round = 0; round < 5; ++round) {
      for (const std::size_t count : {0u, 1u, 15u, 17u, 100'000u, 1'900'000u, 3'000'000u})
        parts.emplace_back(pool.take(count), count);
    }
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    auto& [part, count] = parts[i];
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(part.get()) % 64, 0u);
    std::fill_n(part.get(), count, static_cast<float>(i));
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto& [part, count] = parts[i];
    for (std::size_t j = 0; j < count; ++j) ASSERT_EQ(part[j], static_cast<float>(i)) << j << " of " << count;
  }
}

}  // namespace
}  // namespace seg
