// What the forward and the backward cross scan share: the order of pixels.
// Internal to ops/.
#pragma once
#include <algorithm>
#include <vector>

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

/// The pixels of steps [first, first + 16) of a direction; none behind its end.
inline TilePixels tile_pixels(const CrossScanShape& shape, std::int64_t direction, std::int64_t first) {
  TilePixels pixels;
  pixels.count = std::clamp<std::int64_t>(shape.pixels() - first, 0, kTilePixels);
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

}  // namespace seg
