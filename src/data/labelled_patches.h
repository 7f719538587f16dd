// Pictures to classify cut out of a dataset for segmentation.
#pragma once
#include "base/files.h"
#include "data/image_source.h"

namespace seg {

struct LabelledPatchConfig {
  std::int64_t size = 224;     ///< pixels of a patch's side
  std::int64_t per_case = 64;  ///< patches cut from a case
  double val_share = 0.1;      ///< of the cases
  std::uint64_t seed = 0;      ///< of the positions
};

/// Cuts square patches out of the slices (along the first axis) of the training cases of a raw dataset in
/// nnU-Net's layout. Their class is the label at their centre; the labels of a case are drawn equally often,
/// and nothing is cut around a voxel to be ignored. Values are scaled to 0..255 between the 0.5 and 99.5
/// percentiles of each channel of the case; outside the image is 0. An image of three channels gives colour,
/// any other grey of its first channel. Whole cases are held out. The patches stay in memory, a byte per
/// value. Throws Error for fewer than two cases and for a label that no case for training shows.
ImageSets cut_labelled_patches(const fs::path& dataset, const LabelledPatchConfig& config);

}  // namespace seg
