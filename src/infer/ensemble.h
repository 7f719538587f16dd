// Several models' probabilities made into one prediction.
#pragma once
#include <vector>

#include "base/files.h"
#include "data/dataset.h"
#include "image/volume.h"

namespace seg {

/// Mean of the files' probabilities [classes or regions, z, y, x], summed up in float32 in the order given.
/// Throws Error naming the files whose sizes differ.
Image mean_probabilities(const std::vector<fs::path>& npz_files);

/// The class of the largest probability (the first of equals), or the regions whose probability is above
/// `region_threshold`, painted in regions_class_order.
Labels labels_of_probabilities(const Image& probabilities, const DatasetInfo& info,
                               float region_threshold = 0.5f);

struct EnsembleOptions {
  bool save_probabilities = false;
  /// nnU-Net's own ensembles apply the sigmoid a second time, so that a region is painted wherever its
  /// probability is not 0. Only for comparisons with it; classes are the same either way.
  bool as_nnunet = false;
};

/// Averages the cases <case>.npz that all `folders` hold and writes <case><file ending> (on the grid of the
/// first folder's label image) and dataset.json, plans.json where the first folder has them. A case that one
/// folder lacks is an Error.
void ensemble_folders(const std::vector<fs::path>& folders, const fs::path& output, const DatasetInfo& info,
                      const EnsembleOptions& options);

}  // namespace seg
