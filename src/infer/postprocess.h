// Postprocessing: keeping only the largest connected component of labels.
#pragma once
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json_fwd.h"
#include "data/dataset.h"
#include "image/volume.h"

namespace seg {

/// One step: of the voxels with one of `values`, all but the largest component become background.
struct KeepLargest {
  std::vector<int> values;                   ///< labels taken together, ascending
  std::vector<std::vector<int>> as_written;  ///< the labels and regions that nnU-Net's files list
  bool single = false;                       ///< listed as one label or region, not as a list of them

  explicit KeepLargest(std::vector<std::vector<int>> labels_or_regions, bool one = false);
};

/// "label 1", or "labels 1, 2 together".
std::string to_words(const KeepLargest& step);

/// Applies the step in place. Components are 26-connected (so 8-connected in a flat image); of equally large
/// ones all are kept.
void apply(const KeepLargest& step, Labels& labels);

/// nnU-Net's "postprocessing_fns" and "postprocessing_kwargs".
Json to_json(const std::vector<KeepLargest>& steps);
/// The steps of JSON that holds these two.
std::vector<KeepLargest> postprocessing_from_json(const Json& json);
/// The steps of a postprocessing.json; for a .pkl, those of the .json beside it, which nnU-Net writes as
/// well.
std::vector<KeepLargest> read_postprocessing(const fs::path& path);
/// The same steps as the pickle that nnU-Net's own programs read: (functions, keyword arguments).
std::string to_pickle(const std::vector<KeepLargest>& steps);

/// Applies the steps to the label images of `folder` into `output` (parallel, progress bar); copies
/// dataset.json and plans.json.
void postprocess_folder(const fs::path& folder, const fs::path& output, const std::string& file_ending,
                        const std::vector<KeepLargest>& steps);

}  // namespace seg
