// Do two images lie on the same grid?
#pragma once
#include <string>

#include "image/volume.h"

namespace seg {

/// An image's size and place, with the name that messages use.
struct NamedGrid {
  std::string name;
  Shape3 size;
  Geometry geometry;
};

/// In words what differs between two grids beyond rounding; empty where nothing does.
struct GridDifferences {
  std::string size, spacing;      ///< errors, as in nnU-Net
  std::string origin, direction;  ///< warnings, as in nnU-Net
};
GridDifferences compare_grids(const NamedGrid& image, const NamedGrid& other);

/// Throws Error naming both images where size or spacing differ; warns about origin and direction.
void check_same_grid(const Geometry& image, const Shape3& image_size, const std::string& image_name,
                     const Geometry& label, const Shape3& label_size, const std::string& label_name);

}  // namespace seg
