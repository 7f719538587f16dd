// Geometry of 2-D patches: rotation with scaling, centre crop, mirroring.
#pragma once
#include "data/patch.h"

namespace seg {

/// Rotates by `angle` (radians) and scales about the centre; the result shows `scale` times the extent (> 1
/// zooms out). Data by cubic B-splines, 0 outside; seg by the largest label whose linear weight reaches one
/// half, 0 outside. `size` is the result's.
Patch rotate_and_scale(const Patch& patch, double angle, double scale, Size2 size);

/// The middle of a patch that is at least `size`.
Patch center_crop(const Patch& patch, Size2 size);

/// Flips data and seg along y and along x.
void mirror(Patch& patch, bool along_y, bool along_x);

}  // namespace seg
