// Sliding-window prediction over any model that maps a batch of tiles to logits.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "image/volume.h"

namespace seg {

/// Maps tiles [n, in_channels, height, width] to logits [n, classes, height, width].
using TileModel = std::function<void(std::span<const float> tiles, std::int64_t n, std::int64_t in_channels,
                                     std::int64_t height, std::int64_t width, std::span<float> logits)>;

struct SlidingWindowConfig {
  std::array<std::int64_t, 2> patch_size{};  ///< (y, x)
  double step_size = 0.5;                    ///< share of the patch between tiles
  bool mirror = false;                       ///< average over flips of y, x and both
  std::int64_t tiles_per_batch = 1;
  int classes = 2;
};

/// Start of each tile along one axis (nnU-Net's rule).
std::vector<std::int64_t> tile_starts(std::int64_t image, std::int64_t patch, double step_size);

/// Importance of each pixel of a tile, [height * width], largest 10, no zeros.
std::vector<float> gaussian_importance(const std::array<std::int64_t, 2>& patch_size);

/// Logits [classes, z, y, x] of an image [channels, z, y, x], slice by slice.
Image predict_sliding_window(const Image& image, const SlidingWindowConfig& config, const TileModel& model);

}  // namespace seg
