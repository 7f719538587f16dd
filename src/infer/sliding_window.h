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
  double step_size = 0.5;                    ///< share of the patch between tiles, in (0, 1]
  bool mirror = false;                       ///< average over flips of y, x and both
  std::int64_t tiles_per_batch = 1;          ///< flips and tiles of neighbouring slices count alike
  int classes = 2;
};

/// Start of each tile along one axis (nnU-Net's rule); {0} where the image is not larger than the patch.
std::vector<std::int64_t> tile_starts(std::int64_t image, std::int64_t patch, double step_size);

/// Importance of each pixel of a tile, [height * width]: a Gaussian with sigma patch / 8 around the pixel
/// patch / 2, largest 10, no zeros.
std::vector<float> gaussian_importance(const std::array<std::int64_t, 2>& patch_size);

/// Logits [classes, z, y, x] of an image [channels, z, y, x], slice by slice: the mean over all tiles that
/// cover a pixel, weighted with `gaussian_importance`. Images smaller than the patch are padded with zeros on
/// both sides (the extra row or column behind) and the logits cropped back. The same for any batch, as long
/// as the model's are. Throws Error for an empty image or a senseless configuration.
Image predict_sliding_window(const Image& image, const SlidingWindowConfig& config, const TileModel& model);

}  // namespace seg
