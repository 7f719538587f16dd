// Exact Euclidean distances on grids with any spacing.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "image/volume.h"

namespace seg {

/// For every voxel of [z, y, x] the squared distance (mm^2) to the nearest voxel whose `seeds` value is not
/// 0; infinite where there is no seed. In double; threads share the lines. Lower envelopes of parabolas, one
/// axis after the other (Felzenszwalb and Huttenlocher 2012). Throws Error where `seeds` has another size.
std::vector<double> squared_distances(std::span<const std::uint8_t> seeds, const Shape3& size,
                                      const Vec3& spacing);

}  // namespace seg
