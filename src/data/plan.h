// nnU-Net's plans: everything preprocessing, training and prediction must agree on.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "data/dataset.h"
#include "data/fingerprint.h"
#include "image/volume.h"

namespace seg {

inline constexpr const char* kConfiguration = "2d";  ///< of those a plan may hold, the one that is trained

enum class Normalization { zscore, ct, none, rescale_0_1, rgb_to_0_1 };

/// One entry of "configurations", such as "2d". In 2-D, spacing and patch are (y, x) of the transposed frame.
struct Configuration {
  std::string name = "2d";
  std::string data_identifier;
  std::int64_t batch_size = 2;
  std::vector<std::int64_t> patch_size;  ///< (y, x) or (z, y, x)
  std::vector<double> median_image_size;
  std::vector<double> spacing;
  std::vector<Normalization> normalization;     ///< per channel
  std::vector<bool> use_mask_for_norm;          ///< per channel
  std::string network_class = "PlainConvUNet";  ///< what nnU-Net itself would train
  std::vector<std::int64_t> num_pool_per_axis;
  std::vector<std::vector<std::int64_t>> pool_kernels, conv_kernels;  ///< per stage
  std::vector<std::int64_t> convs_per_stage_encoder, convs_per_stage_decoder;
  std::int64_t base_features = 32, max_features = 512;
  bool batch_dice = true;
};

/// nnUNetPlans.json.
struct Plan {
  std::string dataset_name, plans_name = "nnUNetPlans";
  Vec3 median_spacing{1, 1, 1};  ///< after transposing
  Shape3 median_shape{1, 1, 1};  ///< after transposing
  std::string image_reader_writer;
  std::array<int, 3> transpose_forward{0, 1, 2}, transpose_backward{0, 1, 2};
  std::vector<Configuration> configurations;
  std::vector<IntensityStatistics> intensities;  ///< per channel, for CT

  /// Throws Error listing the known names.
  const Configuration& configuration(const std::string& name) const;
  Configuration& configuration(const std::string& name);
};

/// Plans the 2d configuration. Source: nnU-Net's ExperimentPlanner (rules in its paper and code).
Plan make_plan(const Fingerprint& fingerprint, const DatasetInfo& info);

/// The stages of a 2-D network for a patch (y, x) in pixels of `spacing`, and the patch padded to what they
/// divide; nothing else. Source: nnU-Net's rule for pooling and kernels, smallest feature map 4 pixels.
Configuration plan_stages(const std::vector<double>& patch, const std::vector<double>& spacing);

/// Patch size, batch size and stages of a 2-D network for slices of `median_size` pixels of `spacing` (y, x).
/// `dataset_voxels` bounds the batch to a share of the dataset; `label_entries` counts dataset.json's labels.
Configuration plan_slices(const std::vector<double>& median_size, const std::vector<double>& spacing,
                          double dataset_voxels, std::int64_t label_entries);

/// nnU-Net's name of the reader it would choose for images of that ending and spacing (z, y, x).
std::string reader_name(const std::string& file_ending, const Vec3& spacing);

/// What nnU-Net takes for the memory of such a network: values in its feature maps for one patch.
double feature_map_estimate(const Configuration& configuration, std::int64_t label_entries);

Json to_json(const Plan& plan);
/// Reads nnU-Net's plans, flat (2.1) or with an "architecture" (2.2 and later), cascades with what they
/// inherit; `origin` names the file in errors.
Plan plan_from_json(const Json& json, const std::string& origin);

}  // namespace seg
