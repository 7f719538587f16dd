// Maps between the layout of images and that of convolutions.
#pragma once
#include "engine/graph.h"

namespace seg::engine {

/// planar [images, C, H, W] -> blocked [images, C / 16, H, W, 16]; C is a multiple of 16.
void to_blocked(const MapsShape& shape, const float* planar, float* blocked);
/// And back.
void to_planar(const MapsShape& shape, const float* blocked, float* planar);

}  // namespace seg::engine
