// From logits in the network's frame back to labels in the image's own space.
#pragma once
#include "data/dataset.h"
#include "data/plan.h"
#include "data/preprocess.h"
#include "image/volume.h"

namespace seg {

/// Resamples logits [classes or regions, z, y, x] linearly to the cropped size, takes the class of each voxel
/// (or paints the regions in regions_class_order), puts it into the uncropped image (0 outside the crop) and
/// undoes the transpose. Works in slabs of slices: beside the logits only the labels are as large as the
/// image. Throws Error where the logits do not fit the dataset, or hold NaN or infinite values. Source:
/// nnU-Net's export, to the voxel; its logits are rounded to float16 before the class is taken.
Labels export_labels(const Image& logits, const CaseProperties& properties, const Plan& plan,
                     const Configuration& configuration, const DatasetInfo& info);

}  // namespace seg
