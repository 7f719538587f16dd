// Mamba in the engine; the same as net/mamba.
#pragma once
#include <string>

#include "engine/layers.h"

namespace seg::engine {

inline constexpr std::int64_t kState = 16;  ///< N
inline constexpr std::int64_t kExpand = 2;  ///< features inside for each outside

/// R, the rank of the step sizes of a scan over `inner` channels (D).
constexpr std::int64_t scan_rank(std::int64_t inner) {
  return (inner / kExpand + 15) / 16;
}

/// Parameters of the scans in K directions.
struct ScanParameters {
  Values<float> x_proj;     ///< [K, R + 2N, D]
  Values<float> dt_weight;  ///< [K, D, R]
  Values<float> dt_bias;    ///< [K, D]
  Values<float> a_log;      ///< [K, D, N]
  Values<float> skip;       ///< [K, D]
};

/// The sum of the selective scans of u, pixels, in the first so many directions (ops/cross_scan.h).
Map add_scan(Builder& builder, const Map& u, std::int64_t directions, const ScanParameters& parameters);

/// LayerNorm and Mamba over a blocked map. Tokens are its pixels in row order, with the channels as features,
/// or its channels, with the pixels as features.
Map add_mamba_layer(Builder& builder, const std::string& name, const Map& x, bool channel_tokens);

}  // namespace seg::engine
