// Maps between the layout of images and that of convolutions.
#pragma once
#include <cstdint>

namespace seg::engine {

/// Sizes of some images' maps.
struct MapsShape {
  std::int64_t images = 0, channels = 0, height = 0, width = 0;
};

/// planar [images, C, H, W] -> blocked [images, C / 16, H, W, 16]; C is a multiple of 16.
void to_blocked(const MapsShape& shape, const float* planar, float* blocked);
/// And back.
void to_planar(const MapsShape& shape, const float* blocked, float* planar);

}  // namespace seg::engine
