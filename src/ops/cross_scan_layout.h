// What the forward and the backward cross scan share: the order of pixels and the packed parameters.
// Internal to ops/.
#pragma once
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "base/threads.h"
#include "ops/cross_scan.h"
#include "ops/scan_tile.h"

namespace seg {

/// 16 floats, aligned for the widest vector.
struct alignas(64) ChannelRow {
  float at[kTileChannels] = {};
};
using ChannelRows = std::vector<ChannelRow>;

inline std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

inline TileLayout tile_layout(const CrossScanShape& shape) {
  return {shape.channels, shape.directions * (shape.dt_rank + 2 * shape.state), shape.state, shape.dt_rank};
}

/// The pixels of steps [first, first + 16) of a direction.
inline TilePixels tile_pixels(const CrossScanShape& shape, std::int64_t direction, std::int64_t first) {
  TilePixels pixels;
  pixels.count = std::min(kTilePixels, shape.pixels() - first);
  const bool backwards = direction >= 2;
  const std::int64_t start = backwards ? shape.pixels() - 1 - first : first, sign = backwards ? -1 : 1;
  if (direction % 2 == 0) {
    for (std::int64_t t = 0; t < pixels.count; ++t) pixels.index[t] = start + sign * t;
    return pixels;
  }
  std::int64_t row = start % shape.height, column = start / shape.height;
  for (std::int64_t t = 0; t < pixels.count; ++t) {
    pixels.index[t] = row * shape.width + column;
    row += sign;
    if (row == shape.height || row < 0) {
      column += sign;
      row = backwards ? shape.height - 1 : 0;
    }
  }
  return pixels;
}

/// Where the states [N, 16] before a tile lie among those that the forward pass keeps.
inline std::int64_t state_place(const CrossScanShape& shape, std::int64_t image, std::int64_t direction,
                                std::int64_t group, std::int64_t tile) {
  const std::int64_t groups = ceil_div(shape.channels, kTileChannels),
                     tiles = ceil_div(shape.pixels(), kTilePixels);
  return (((image * shape.directions + direction) * groups + group) * tiles + tile) * shape.state *
         kTileChannels;
}

/// Fetches `count` values of every pixel's row into the cache: pixels of a column lie far apart, and no
/// hardware prefetcher sees them coming.
inline void prefetch_rows(const TilePixels& pixels, const float* rows, std::int64_t stride,
                          std::int64_t count) {
  constexpr std::int64_t kLine = 16;  // floats
  for (std::int64_t t = 0; t < pixels.count; ++t) {
    for (std::int64_t i = 0; i < count; i += kLine) __builtin_prefetch(rows + pixels.index[t] * stride + i);
  }
}

/// The parameters of every direction and group of 16 channels, in the tiles' layout.
class PackedWeights {
 public:
  PackedWeights(const CrossScanShape& shape, const CrossScanInputs& in)
      : groups_(ceil_div(shape.channels, kTileChannels)),
        state_(shape.state),
        rank_(shape.dt_rank),
        rows_per_pack_(state_ + 2 * padded_rank() + 3),
        rows_(shape.directions * groups_ * rows_per_pack_) {
    parallel_for(shape.directions * groups_, [&](std::int64_t i) {
      const std::int64_t k = i / groups_, first = i % groups_ * kTileChannels;
      for (std::int64_t d = first; d < std::min(first + kTileChannels, shape.channels); ++d) {
        pack_channel(in, k, d, k * shape.channels + d);
      }
    });
  }

  std::int64_t groups() const { return groups_; }

  TileWeights of(std::int64_t direction, std::int64_t group) const {
    const ChannelRow* rows = rows_.data() + (direction * groups_ + group) * rows_per_pack_;
    TileWeights weights;
    weights.dt_bias = rows[0].at;
    weights.skip = rows[1].at;
    weights.a2_min = rows[2].at;
    weights.a2 = rows[3].at;
    weights.dt_weight = rows[3 + state_].at;
    weights.dt_weight_rows = rows[3 + state_ + padded_rank()].at;
    return weights;
  }

 private:
  std::int64_t padded_rank() const { return ceil_div(rank_, kTileChannels) * kTileChannels; }

  void pack_channel(const CrossScanInputs& in, std::int64_t direction, std::int64_t channel,
                    std::int64_t source) {
    ChannelRow* rows = rows_.data() + (direction * groups_ + channel / kTileChannels) * rows_per_pack_;
    const std::int64_t lane = channel % kTileChannels;
    rows[0].at[lane] = in.dt_bias[source];
    rows[1].at[lane] = in.skip[source];
    for (std::int64_t n = 0; n < state_; ++n) {
      const double a = -std::exp(in.a_log[source * state_ + n]);
      const auto a2 = static_cast<float>(a * std::numbers::log2e);
      rows[3 + n].at[lane] = a2;
      rows[2].at[lane] = std::min(rows[2].at[lane], a2);
    }
    float* by_channel = rows[3 + state_ + padded_rank()].at + lane * padded_rank();
    for (std::int64_t r = 0; r < rank_; ++r) {
      rows[3 + state_ + r].at[lane] = in.dt_weight[source * rank_ + r];
      by_channel[r] = in.dt_weight[source * rank_ + r];
    }
  }

  std::int64_t groups_, state_, rank_, rows_per_pack_;
  ChannelRows rows_;
};

}  // namespace seg
