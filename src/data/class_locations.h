// Voxels of each class of a case, from which training draws foreground patches.
#pragma once
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/preprocess.h"
#include "image/volume.h"

namespace seg {

/// The name of the locations of a class or region: "3" or "(1, 2, 3)", Python's text of the values.
std::string location_key(const std::vector<int>& values);

/// All values of dataset.json, background included, that are not the ignore label; ascending.
std::vector<int> labelled_values(const DatasetInfo& info);

/// A random choice of the voxels of each class or region, named by location_key, as nnU-Net draws it. With
/// an ignore label also of all voxels that are not ignored (labelled_values). Classes that do
/// not occur have an empty list.
ClassLocations find_class_locations(const Labels& seg, const DatasetInfo& info);

}  // namespace seg
