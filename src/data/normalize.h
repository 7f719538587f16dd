// nnU-Net's intensity normalisations.
#pragma once
#include <cstdint>
#include <span>

#include "data/fingerprint.h"
#include "data/plan.h"

namespace seg {

/// Normalises one channel in place. `statistics` are the dataset's, for CT. A z-score with a `seg` (not
/// empty) uses and changes only the voxels where it is not negative.
void normalize(std::span<float> values, Normalization kind, const IntensityStatistics& statistics,
               std::span<const std::int32_t> seg);

}  // namespace seg
