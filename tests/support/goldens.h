// Where the golden numbers lie, and the formula that makes weights and inputs for them.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"

namespace seg::testing {

/// ../shared unless SEG_SHARED says otherwise.
inline fs::path shared_folder() {
  const char* set = std::getenv("SEG_SHARED");
  return set != nullptr ? fs::path(set) : fs::path("../shared");
}

/// Below shared_folder().
inline const fs::path kPipeline = "goldens/pipeline", kSlidingWindow = kPipeline / "sliding_window";

/// Ends the test as skipped where the goldens are absent.
#define SEG_REQUIRE_SHARED(relative)                                    \
  if (!::seg::fs::exists(::seg::testing::shared_folder() / (relative))) \
  GTEST_SKIP() << "needs " << (::seg::testing::shared_folder() / (relative)).string()

/// FNV-1a, 64 bit.
inline std::uint64_t formula_key(std::string_view name) {
  std::uint64_t key = 0xcbf29ce484222325u;
  for (const unsigned char c : name) key = (key ^ c) * 0x100000001b3u;
  return key;
}

/// The i-th number of a name, in [-1, 1) (goldens/networks/README.md).
inline double formula_u(std::uint64_t key, std::uint64_t i) {
  std::uint64_t z = key + (i + 1) * 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  z ^= z >> 31;
  return static_cast<double>(z >> 40) * 0x1.0p-23 - 1.0;
}

/// a + b*u for `count` values of a name.
inline std::vector<float> formula_values(std::string_view name, std::int64_t count, double a, double b) {
  const auto key = formula_key(name);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(a + b * formula_u(key, i));
  return values;
}

/// The values of a state-dict entry; the first rule that matches wins (goldens/networks/README.md).
inline std::vector<float> formula_weight_values(const std::string& name,
                                                const std::vector<std::int64_t>& shape) {
  const auto key = formula_key(name);
  const auto ends_in = [&](std::string_view text) { return std::string_view(name).ends_with(text); };
  const std::string last = name.substr(name.rfind('.') + 1);
  const std::int64_t state = shape.empty() ? 1 : shape.back();
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) count *= extent;
  const double receptive =
      shape.empty() ? 1 : static_cast<double>(count / std::max<std::int64_t>(shape[0], 1));
  const auto value = [&](std::int64_t i) {
    const double u = formula_u(key, static_cast<std::uint64_t>(i));
    if (last == "A_logs" || last == "A_log") return std::log(1.0 + static_cast<double>(i % state)) + 0.1 * u;
    if (last == "Ds" || last == "D") return 1 + 0.1 * u;
    if (last == "dt_projs_bias" || ends_in("dt_proj.bias")) return -3 + u;
    if (last == "relative_position_bias_table") return 0.5 * u;
    if (last == "position_embeddings") return 0.1 * u;
    if (shape.size() == 1) return ends_in("bias") ? 0.1 * u : 1 + 0.1 * u;
    return u * std::sqrt(3.0 / receptive);
  };
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(value(static_cast<std::int64_t>(i)));
  return values;
}

/// |a - b|_2 / |b|_2 in double (|a|_2 where b is all zero).
template <class A, class B>
double relative_l2(std::span<const A> a, std::span<const B> b) {
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    difference += d * d;
    norm += static_cast<double>(b[i]) * static_cast<double>(b[i]);
  }
  return std::sqrt(difference) / (norm > 0 ? std::sqrt(norm) : 1.0);
}

template <class A, class B>
double max_abs_difference(std::span<const A> a, std::span<const B> b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    if (!(d <= worst)) worst = d;  // NaN counts
  }
  return worst;
}

}  // namespace seg::testing
