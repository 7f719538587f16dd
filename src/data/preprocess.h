// From a raw case to what the network sees: transpose, crop to nonzero, normalise, resample.
#pragma once
#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "data/dataset.h"
#include "data/plan.h"
#include "image/image_io.h"
#include "image/volume.h"

namespace seg {

/// What export needs to put a prediction back where the image lay.
struct CaseProperties {
  Geometry geometry;                                       ///< of the file
  Vec3 spacing{1, 1, 1};                                   ///< z, y, x of the file (before transposing)
  Shape3 shape_before_cropping{}, shape_after_cropping{};  ///< transposed frame
  std::array<std::array<std::int64_t, 2>, 3> bbox{};       ///< half open, transposed frame
};

/// Voxel positions (0, z, y, x) per class or region, at most 10000 or 1 % of each.
using ClassLocations = std::map<std::string, std::vector<std::array<std::int32_t, 4>>>;

struct PreprocessedCase {
  Image data;  ///< [channels, z, y, x], transposed frame
  Labels seg;  ///< [1, z, y, x]; -1 outside the nonzero region
  CaseProperties properties;
  ClassLocations class_locations;  ///< empty for test cases
};

/// Test cases have no labels. Holds three volumes at once: labels and image before and after a step.
PreprocessedCase preprocess_case(LoadedImage image, std::optional<LoadedLabels> labels, const Plan& plan,
                                 const Configuration& configuration, const DatasetInfo& info);

/// Reads, checks (grid and label values, naming the files) and preprocesses one case.
PreprocessedCase preprocess_case(const Case& files, const Plan& plan, const Configuration& configuration,
                                 const DatasetInfo& info);

/// Preprocesses every training case into `folder` (parallel, progress bar), skipping none.
void preprocess_dataset(const Dataset& dataset, const Plan& plan, const Configuration& configuration,
                        const fs::path& folder);

/// Stores a case for training, all but the JSON meant to be memory-mapped: <id>.npy (float32 [c, z, y, x]),
/// <id>_seg.npy (int16 [1, z, y, x]), <id>_locations.npy (int32 [n, 3]: z, y, x of class_locations, one class
/// after the other) and <id>.json (properties; its "class_locations" maps each class to its number of rows,
/// in that order).
void store_case(const fs::path& folder, const std::string& id, const PreprocessedCase& preprocessed);

/// Writes a stored case as nnU-Net stores it: `data` (float32 [c, z, y, x]) and `seg` (int8 [1, z, y, x],
/// int16 where a label is above 127) in one .npz. Throws Error where the case is not there.
void dump_case(const fs::path& folder, const std::string& id, const fs::path& npz);

Json to_json(const CaseProperties& properties);
CaseProperties properties_from_json(const Json& json);

}  // namespace seg
