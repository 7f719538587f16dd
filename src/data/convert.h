// Public datasets into nnU-Net's raw layout.
#pragma once
#include <string>

#include "base/files.h"
#include "data/instance_labels.h"

namespace seg {

struct ConvertedDataset {
  fs::path root;
  std::int64_t training = 0, test = 0;
};

/// Turns the NeurIPS 2022 cell segmentation layout into a raw dataset of three classes. `input` holds images/
/// and labels/, or train/ and test/ with those inside; image <name>.png|bmp|tif|jpg, label <name>_label.tiff
/// with one number per cell. Images become 8-bit RGB PNG (grey is repeated, more than 8 bits are rescaled);
/// test cases go to imagesTs and labelsTs, the cell numbers to instancesTr and instancesTs.
/// Throws Error for images without labels, labels without images and for a dataset that exists already.
ConvertedDataset convert_neurips_cell(const fs::path& input, const fs::path& raw, const std::string& name,
                                      BoundaryRule rule);

}  // namespace seg
