// From logits in the network's frame back to labels in the image's own space.
#pragma once
#include "data/dataset.h"
#include "data/plan.h"
#include "data/preprocess.h"
#include "image/volume.h"

namespace seg {

/// Resamples logits [classes, z, y, x] to the cropped size, takes the class (or region) of each voxel, puts
/// it into the uncropped image and undoes the transpose. Works in slabs: never classes x full volume in
/// memory twice.
Labels export_labels(const Image& logits, const CaseProperties& properties, const Plan& plan,
                     const Configuration& configuration, const DatasetInfo& info);

}  // namespace seg
