// From one number per cell to the three classes that a network learns.
#pragma once
#include "image/volume.h"

namespace seg {

/// How the boundary class between and around cells is drawn. Neither paper says how it did.
enum class BoundaryRule {
  inner,     ///< cell pixels with a 4-neighbour of another value: keeps small cells whole
  challenge  ///< the NeurIPS 2022 challenge's baseline: the same grown by one pixel, crumbs of interior
             ///< removed
};

/// 0 background, 1 interior, 2 boundary, from instance numbers (0 = background); [1, 1, y, x] both.
Labels three_class_labels(const Labels& instances, BoundaryRule rule);

}  // namespace seg
