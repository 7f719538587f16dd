// Voxels of each class of a case, from which training draws foreground patches.
#pragma once
#include "data/dataset.h"
#include "data/preprocess.h"
#include "image/volume.h"

namespace seg {

/// A random choice of the voxels of each class or region, named "3" or "(1, 2, 3)", as nnU-Net draws it. With
/// an ignore label also of all voxels that are not ignored, named by the tuple of all labels. Classes that do
/// not occur have an empty list.
ClassLocations find_class_locations(const Labels& seg, const DatasetInfo& info);

}  // namespace seg
