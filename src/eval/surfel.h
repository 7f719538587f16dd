// How much surface lies between eight neighbouring voxels (marching cubes).
#pragma once
#include <array>

#include "image/volume.h"

namespace seg {

/// Area (mm^2) of the surface inside a cell of 2x2x2 voxel centres, by neighbour code: bit 7 - k is set where
/// the k-th voxel in memory order (z, y, x) is inside. Corners cut by the surface are met halfway along the
/// cell's edges. Codes 0 and 255 have none. The surface that the area-weighted surface distances of Nikolov
/// et al. (2021) use, for any spacing.
std::array<double, 256> surfel_areas(const Vec3& spacing);

}  // namespace seg
