// The scan's inner work on one tile: 16 pixels along a direction times 16 channels. Vectorised, with the
// instruction set chosen at run time. Called within ops/ only.
//
// Rows of 16 channels lie one after the other, so that a vector is as many channels as the machine has lanes
// and every channel of a pixel shares B and C by broadcast.
#pragma once
#include <cstdint>
#include <span>

namespace seg {

inline constexpr std::int64_t kTilePixels = 16;
inline constexpr std::int64_t kTileChannels = 16;
inline constexpr std::int64_t kTileSize = kTilePixels * kTileChannels;

/// What the tiles of one call have in common.
struct TileLayout {
  std::int64_t channel_stride = 0;  ///< floats from a pixel to the next in u, y
  std::int64_t x_stride = 0;        ///< floats from a pixel to the next in x_dbl
  std::int64_t state = 0;           ///< N
  std::int64_t rank = 0;            ///< R

  std::int64_t padded_rank() const { return (rank + kTileChannels - 1) / kTileChannels * kTileChannels; }
  /// Floats per pixel of a block's gradient of x_dbl: B, C, and the dt part with its padding.
  std::int64_t x_gradient_stride() const { return 2 * state + padded_rank(); }
  /// Rows of 16 in ParameterSums: a, dt_weight, dt_bias, skip.
  std::int64_t sum_rows() const { return state + rank + 2; }
};

/// One direction's parameters of 16 channels; absent channels are zero.
struct TileWeights {
  const float* a2 = nullptr;         ///< [N, 16] A * log2(e), so that decay = exp2(dt * a2)
  const float* a2_min = nullptr;     ///< [16] the fastest decay of each channel
  const float* dt_weight = nullptr;  ///< [R, 16]
  const float* dt_weight_rows =
      nullptr;                     ///< [16, padded R], the same by channel; null without a backward pass
  const float* dt_bias = nullptr;  ///< [16]
  const float* skip = nullptr;     ///< [16]
};

/// Where the tile lies: its pixels in the order of the scan, at most 16.
struct TilePixels {
  std::int64_t index[kTilePixels];
  std::int64_t count = 0;
};

/// Neighbouring groups of 16 channels that are scanned together, at most.
inline constexpr std::int64_t kMaxGroups = 4;

/// One group of 16 channels in the forward pass.
struct ForwardGroup {
  TileWeights weights;
  std::int64_t channels = 0;  ///< of the 16 exist
  float* state = nullptr;     ///< [N, 16] h before the tile; h after it
};

/// Scans the tile of at most kMaxGroups neighbouring groups. `u`, `y` point to their first channel in pixel
/// 0, `x` to x_dbl of pixel 0 and the direction. y is set, or added to. The `next` tile's pixels are fetched
/// into the cache.
void scan_tile_forward(const TileLayout& layout, std::span<const ForwardGroup> groups,
                       const TilePixels& pixels, const TilePixels& next, const float* x, const float* u,
                       float* y, bool add);

/// One group of 16 channels in the backward pass.
struct BackwardGroup {
  TileWeights weights;
  std::int64_t channels = 0;     ///< of the 16 exist
  const float* state = nullptr;  ///< [N, 16] h before the tile
  float* carry = nullptr;        ///< [N, 16] gradient of h that later pixels left; updated
  float* sums = nullptr;         ///< [2, sum_rows, 16] running sums over pixels and their rounding errors
};

/// Gradients of at most kMaxGroups neighbouring groups. `u`, `dy`, `grad_u` point to their first channel in
/// pixel 0; grad_u is set, or added to. `grad_x` [pixels, x_gradient_stride] is set: sums over the groups'
/// channels. The `next` tile's pixels are fetched into the cache.
void scan_tile_backward(const TileLayout& layout, std::span<const BackwardGroup> groups,
                        const TilePixels& pixels, const TilePixels& next, const float* x, const float* u,
                        const float* dy, float* grad_u, bool add, float* grad_x);

}  // namespace seg
