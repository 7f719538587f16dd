// Public datasets, in the form in which they are downloaded, into nnU-Net's raw layout.
#pragma once
#include <string>

#include "base/files.h"
#include "data/instance_labels.h"

namespace seg {

struct ConvertedDataset {
  fs::path root;
  std::int64_t training = 0, test = 0;
};

// All of them write to `raw`/`name`, and throw Error where that dataset exists already or where the input is
// not of the layout that is described.

/// The NeurIPS 2022 cell segmentation images as a dataset of three classes. `input` holds images/ and
/// labels/, or train/ and test/ with those inside; image <name>.png|bmp|tif|jpg, label <name>_label.tiff with
/// one number per cell. Images become 8-bit RGB PNG (grey is repeated, more than 8 bits are rescaled); test
/// cases go to imagesTs and labelsTs, the cell numbers to instancesTr and instancesTs.
ConvertedDataset convert_neurips_cell(const fs::path& input, const fs::path& raw, const std::string& name,
                                      BoundaryRule rule);

/// A task of the Medical Segmentation Decathlon: dataset.json with lists of files, imagesTr, labelsTr,
/// imagesTs. The volumes of a 4-D image become channels. An empty `name` makes Dataset004_Hippocampus of
/// Task04_Hippocampus.
ConvertedDataset convert_msd(const fs::path& input, const fs::path& raw, const std::string& name);

/// The MR scans (numbers above 500) of AMOS 2022: imagesTr, imagesVa, imagesTs and labels beside them, with
/// files amos_0507.nii.gz. Labelled scans are training cases, those without labels go to imagesTs. Labels
/// become the 13 organs of the paper's abdomen MR dataset, in its order (that of FLARE 2022).
ConvertedDataset convert_amos_mr(const fs::path& input, const fs::path& raw, const std::string& name);

/// The instrument types of EndoVis 2017: folders instrument_dataset_<n> below `input`, with left_frames/ and
/// ground_truth/, which holds a folder of masks per instrument, or TypeSegmentation/ with the types as
/// values. Those below a folder with "test" in its name are test cases. Frames of 1920 x 1080 are cut to the
/// camera's 1280 x 1024 at (320, 28).
ConvertedDataset convert_endovis17(const fs::path& input, const fs::path& raw, const std::string& name);

}  // namespace seg
