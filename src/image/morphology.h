// Binary morphology on volumes.
#pragma once
#include <cstdint>
#include <vector>

#include "image/volume.h"

namespace seg {

/// A mask [z, y, x] of 0 and 1.
using Mask = std::vector<std::uint8_t>;

/// Fills background that no path of 6-neighbours joins to the outside of the volume. In a flat image (z = 1)
/// all background touches the outside, so nothing is filled.
void fill_holes(Mask& mask, const Shape3& size);

}  // namespace seg
