// Distances between the surfaces of two masks, weighted with surface area.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "image/volume.h"

namespace seg {

/// One label of a reference and a prediction, cut out of a volume: masks [z, y, x] of 0 and 1.
struct MaskPair {
  Shape3 size{};
  Vec3 spacing{1, 1, 1};  ///< mm, z, y, x
  std::vector<std::uint8_t> reference{}, prediction{};
  /// Cut out of a picture, not of a volume: surfaces are the lines around the masks, and areas lengths in mm.
  bool picture = false;
};

/// A piece of surface: its distance to the other surface (mm; infinite where that is empty), and its area.
struct Surfel {
  double distance = 0, area = 0;
};

struct SurfaceDistances {
  std::vector<Surfel> from_reference, from_prediction;  ///< in memory order
};

/// Surfaces as marching cubes sees them between voxel centres, outside of the array being background;
/// distances from surfel to nearest surfel. Source: the surface distances of Nikolov et al. (2021), arXiv
/// 1809.04430.
SurfaceDistances surface_distances(const MaskPair& masks);

/// Share of both surfaces that is at most `tolerance` mm from the other: NSD. NaN when both are empty, 0 when
/// one is.
double surface_dice(const SurfaceDistances& distances, double tolerance);

/// Area-weighted mean distance of one side; NaN when it is empty.
double mean_distance(std::span<const Surfel> surfels);

/// Mean of the two directed means; infinite when one surface is empty, NaN when both are.
double average_surface_distance(const SurfaceDistances& distances);

/// The larger of the two directed distances below which `share` (0.95, 1) of the area lies; infinite when a
/// surface is empty.
double hausdorff_distance(const SurfaceDistances& distances, double share);

}  // namespace seg
