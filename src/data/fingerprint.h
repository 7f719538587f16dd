// nnU-Net's dataset fingerprint: spacings, sizes and foreground intensities of the training cases.
#pragma once
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "data/dataset.h"
#include "image/volume.h"

namespace seg {

struct IntensityStatistics {
  double max = 0, mean = 0, median = 0, min = 0, percentile_00_5 = 0, percentile_99_5 = 0, std = 0;
};

/// dataset_fingerprint.json.
struct Fingerprint {
  std::vector<IntensityStatistics> intensities;  ///< per channel
  double median_relative_size_after_cropping = 1;
  std::vector<Shape3> shapes_after_crop;  ///< per case, sorted identifiers
  std::vector<Vec3> spacings;
};

/// Reads every training case (in parallel, with a progress bar). Intensities are nnU-Net's: 10^8 draws with
/// replacement, shared out equally over the cases. Throws Error naming the case, and where no case has
/// foreground.
Fingerprint compute_fingerprint(const Dataset& dataset);

Json to_json(const Fingerprint& fingerprint);
Fingerprint fingerprint_from_json(const Json& json, const std::string& origin);

/// "foreground_intensity_properties_per_channel" of the fingerprint and of the plans.
Json to_json(const std::vector<IntensityStatistics>& intensities);
std::vector<IntensityStatistics> intensities_from_json(const Json& json);

}  // namespace seg
