// From logits in the network's frame back to labels and probabilities in the image's own space.
#pragma once
#include <cstdint>
#include <functional>

#include "data/dataset.h"
#include "data/plan.h"
#include "data/preprocess.h"
#include "image/volume.h"

namespace seg {

/// What the network says about a case, on the grid of its file.
struct Prediction {
  Labels labels;        ///< [1, z, y, x]
  Image probabilities;  ///< [classes or regions, z, y, x]; empty unless asked for
};

/// The logits [classes or regions, z, y, x] of what becomes the slices [begin, end) of the crop.
using LogitsOfSlices = std::function<Image(std::int64_t begin, std::int64_t end)>;

/// Resamples logits linearly to the cropped size, takes the class of each voxel (or paints the regions in
/// regions_class_order), puts it into the uncropped image (background outside the crop) and undoes the
/// transpose. Asks for the logits of `block` slices at a time and works in slabs of them, so that no array of
/// classes x volume is ever made; where slices are resampled into others, `block` must be all of them.
/// Throws Error where the logits do not fit the dataset, or hold NaN or infinite values.
/// Source: nnU-Net's export, to the voxel; its logits are rounded to float16 before the class is taken.
Prediction export_in_blocks(const LogitsOfSlices& logits_of, std::int64_t block,
                            const CaseProperties& properties, const Plan& plan,
                            const Configuration& configuration, const DatasetInfo& info,
                            bool with_probabilities = false);

/// How many slices of that many float values are worked on together: 64 MiB of them, or one.
std::int64_t slices_at_once(std::int64_t slice_values);

}  // namespace seg
