// nnUNetPlans.json: nnU-Net's flat schema of version 2.1, and the reading of the one with an "architecture".
#include <algorithm>
#include <array>
#include <string_view>

#include "base/json.h"
#include "data/plan.h"

namespace seg {
namespace {

using Sizes = std::vector<std::int64_t>;

struct NormalizationName {
  Normalization kind;
  std::string_view name;
};
constexpr std::array<NormalizationName, 5> kNormalizations{
    {{Normalization::zscore, "ZScoreNormalization"},
     {Normalization::ct, "CTNormalization"},
     {Normalization::none, "NoNormalization"},
     {Normalization::rescale_0_1, "RescaleTo01Normalization"},
     {Normalization::rgb_to_0_1, "RGBTo01Normalization"}}};

std::string_view name_of(Normalization kind) {
  return std::find_if(kNormalizations.begin(), kNormalizations.end(),
                      [&](const auto& row) { return row.kind == kind; })
      ->name;
}

Normalization normalization_named(const std::string& name) {
  for (const auto& row : kNormalizations) {
    if (row.name == name) return row.kind;
  }
  std::string known;
  for (const auto& row : kNormalizations) known += fmt::format("{}{}", known.empty() ? "" : ", ", row.name);
  fail("normalization_schemes: expected one of {}, got \"{}\"", known, name);
}

Json resampling_kwargs(bool labels, int order) {
  return {{"is_seg", labels}, {"order", order}, {"order_z", 0}, {"force_separate_z", nullptr}};
}

Json to_json(const Configuration& c) {
  constexpr const char* kResample = "resample_data_or_seg_to_shape";
  Json normalization = Json::array();
  for (const auto kind : c.normalization) normalization.push_back(name_of(kind));
  return {{"data_identifier", c.data_identifier},
          {"preprocessor_name", "DefaultPreprocessor"},
          {"batch_size", c.batch_size},
          {"patch_size", c.patch_size},
          {"median_image_size_in_voxels", c.median_image_size},
          {"spacing", c.spacing},
          {"normalization_schemes", normalization},
          {"use_mask_for_norm", c.use_mask_for_norm},
          {"UNet_class_name", c.network_class},
          {"UNet_base_num_features", c.base_features},
          {"n_conv_per_stage_encoder", c.convs_per_stage_encoder},
          {"n_conv_per_stage_decoder", c.convs_per_stage_decoder},
          {"num_pool_per_axis", c.num_pool_per_axis},
          {"pool_op_kernel_sizes", c.pool_kernels},
          {"conv_kernel_sizes", c.conv_kernels},
          {"unet_max_num_features", c.max_features},
          {"resampling_fn_data", kResample},
          {"resampling_fn_seg", kResample},
          {"resampling_fn_data_kwargs", resampling_kwargs(false, 3)},
          {"resampling_fn_seg_kwargs", resampling_kwargs(true, 1)},
          {"resampling_fn_probabilities", kResample},
          {"resampling_fn_probabilities_kwargs", resampling_kwargs(false, 1)},
          {"batch_dice", c.batch_dice}};
}

void check(const Configuration& c, std::size_t channels) {
  const auto axes = c.patch_size.size();
  if (axes != 2 && axes != 3) fail("patch_size: expected 2 or 3 sizes, got {}", axes);
  if (c.spacing.size() != axes) fail("spacing: expected {} values, got {}", axes, c.spacing.size());
  for (const auto side : c.patch_size) {
    if (side < 1) fail("patch_size: expected sizes above 0, got {}", side);
  }
  for (const double step : c.spacing) {
    if (!(step > 0)) fail("spacing: expected values above 0, got {}", step);
  }
  if (c.batch_size < 1) fail("batch_size: expected a number above 0, got {}", c.batch_size);
  if (c.normalization.size() != channels || c.use_mask_for_norm.size() != channels) {
    fail("expected normalization_schemes and use_mask_for_norm of {} channels, got {} and {}", channels,
         c.normalization.size(), c.use_mask_for_norm.size());
  }
}

/// The network of the flat schema.
void read_flat_network(const Json& json, Configuration& c) {
  c.network_class = get_or<std::string>(json, "UNet_class_name", c.network_class);
  c.base_features = get<std::int64_t>(json, "UNet_base_num_features");
  c.convs_per_stage_encoder = get<Sizes>(json, "n_conv_per_stage_encoder");
  c.convs_per_stage_decoder = get<Sizes>(json, "n_conv_per_stage_decoder");
  c.num_pool_per_axis = get<Sizes>(json, "num_pool_per_axis");
  c.pool_kernels = get<std::vector<Sizes>>(json, "pool_op_kernel_sizes");
  c.conv_kernels = get<std::vector<Sizes>>(json, "conv_kernel_sizes");
  c.max_features = get<std::int64_t>(json, "unet_max_num_features");
}

/// What sets a network apart from one of instance norm and LeakyReLU, such as " with BatchNorm2d".
std::string peculiarities(const Json& kwargs) {
  std::string text;
  for (const auto& [key, usual] : {std::pair{"norm_op", "InstanceNorm2d"}, {"nonlin", "LeakyReLU"}}) {
    const auto name = get_or<std::string>(kwargs, key, usual);  // "torch.nn.modules.activation.LeakyReLU"
    if (const auto own = name.substr(name.rfind('.') + 1); own != usual) text += " with " + own;
  }
  if (!get_or<bool>(kwargs, "conv_bias", true)) text += " without bias";
  if (!get_or<Json>(kwargs, "dropout_op", nullptr).is_null()) text += " with dropout";
  return text;
}

/// The network of nnU-Net 2.2 and later: {"network_class_name": "a.b.PlainConvUNet", "arch_kwargs": {...}}.
void read_architecture(const Json& json, Configuration& c) {
  const auto path = get<std::string>(json, "network_class_name");
  c.network_class = path.substr(path.rfind('.') + 1);
  const Json kwargs = get<Json>(json, "arch_kwargs");
  c.network_class += peculiarities(kwargs);
  const char* convs = kwargs.contains("n_blocks_per_stage") ? "n_blocks_per_stage" : "n_conv_per_stage";
  c.convs_per_stage_encoder = get<Sizes>(kwargs, convs);
  c.convs_per_stage_decoder = get<Sizes>(kwargs, "n_conv_per_stage_decoder");
  c.pool_kernels = get<std::vector<Sizes>>(kwargs, "strides");
  c.conv_kernels = get<std::vector<Sizes>>(kwargs, "kernel_sizes");
  const auto features = get<Sizes>(kwargs, "features_per_stage");
  if (features.empty() || features.front() < 1)
    fail("features_per_stage: expected numbers above 0, got [{}]", fmt::join(features, ", "));
  if (features.size() != c.pool_kernels.size())
    fail("features_per_stage: expected {} numbers, one per stage, got {}", c.pool_kernels.size(),
         features.size());
  c.base_features = features.front();
  c.max_features = *std::max_element(features.begin(), features.end());
  std::int64_t expected = c.base_features;
  for (const auto count : features) {
    if (count != expected) {
      fail("features_per_stage: expected numbers that double up to a maximum, got [{}]",
           fmt::join(features, ", "));
    }
    expected += std::min(expected, c.max_features - expected);
  }
  c.num_pool_per_axis.assign(c.patch_size.size(), 0);
  for (const auto& stride : c.pool_kernels) {
    for (std::size_t axis = 0; axis < std::min(stride.size(), c.num_pool_per_axis.size()); ++axis)
      c.num_pool_per_axis[axis] += stride[axis] > 1 ? 1 : 0;
  }
}

Configuration configuration_from_json(const std::string& name, const Json& json, std::size_t channels) {
  Configuration c;
  c.name = name;
  c.data_identifier = get<std::string>(json, "data_identifier");
  c.batch_size = get<std::int64_t>(json, "batch_size");
  c.patch_size = get<std::vector<std::int64_t>>(json, "patch_size");
  c.median_image_size = get<std::vector<double>>(json, "median_image_size_in_voxels");
  c.spacing = get<std::vector<double>>(json, "spacing");
  for (const auto& scheme : get<std::vector<std::string>>(json, "normalization_schemes"))
    c.normalization.push_back(normalization_named(scheme));
  c.use_mask_for_norm = get<std::vector<bool>>(json, "use_mask_for_norm");
  if (json.contains("architecture")) {
    read_architecture(get<Json>(json, "architecture"), c);
  } else {
    read_flat_network(json, c);
  }
  c.batch_dice = get<bool>(json, "batch_dice");
  check(c, channels);
  return c;
}

/// A configuration's entries over those of the configuration it inherits from.
Json with_inherited(const Json& configurations, const std::string& name, int depth = 0) {
  const Json& own = configurations.at(name);
  if (!own.is_object()) fail("configuration \"{}\": expected an object, got {}", name, own.type_name());
  const auto parent = get_or<std::string>(own, "inherits_from", "");
  if (parent.empty()) return own;
  if (!configurations.contains(parent) || depth > 8) fail("inherits_from \"{}\", which is not there", parent);
  Json merged = with_inherited(configurations, parent, depth + 1);
  merged.update(own);
  return merged;
}

void check_transpose(const std::array<int, 3>& forward, const std::array<int, 3>& backward) {
  for (int axis = 0; axis < 3; ++axis) {
    if (forward[axis] < 0 || forward[axis] > 2 || backward[forward[axis]] != axis)
      fail("transpose_forward and transpose_backward: expected an order of 0, 1, 2 and its inverse");
  }
}

}  // namespace

Json to_json(const Plan& plan) {
  Json configurations = Json::object();
  for (const auto& configuration : plan.configurations)
    configurations[configuration.name] = to_json(configuration);
  return {{"dataset_name", plan.dataset_name},
          {"plans_name", plan.plans_name},
          {"original_median_spacing_after_transp", plan.median_spacing},
          {"original_median_shape_after_transp", plan.median_shape},
          {"image_reader_writer", plan.image_reader_writer},
          {"transpose_forward", plan.transpose_forward},
          {"transpose_backward", plan.transpose_backward},
          {"configurations", configurations},
          {"experiment_planner_used", "ExperimentPlanner"},
          {"label_manager", "LabelManager"},
          {"foreground_intensity_properties_per_channel", to_json(plan.intensities)}};
}

Plan plan_from_json(const Json& json, const std::string& origin) {
  return with_context(origin, [&] {
    Plan plan;
    plan.dataset_name = get<std::string>(json, "dataset_name");
    plan.plans_name = get<std::string>(json, "plans_name");
    plan.median_spacing = get<Vec3>(json, "original_median_spacing_after_transp");
    plan.median_shape = get<Shape3>(json, "original_median_shape_after_transp");
    plan.image_reader_writer = get<std::string>(json, "image_reader_writer");
    plan.transpose_forward = get<std::array<int, 3>>(json, "transpose_forward");
    plan.transpose_backward = get<std::array<int, 3>>(json, "transpose_backward");
    check_transpose(plan.transpose_forward, plan.transpose_backward);
    plan.intensities = intensities_from_json(get<Json>(json, "foreground_intensity_properties_per_channel"));
    const Json configurations = get<Json>(json, "configurations");
    if (!configurations.is_object())
      fail("configurations: expected an object, got {}", configurations.type_name());
    for (const auto& [name, entry] : configurations.items()) {
      plan.configurations.push_back(with_context("configuration " + name, [&, key = name] {
        return configuration_from_json(key, with_inherited(configurations, key), plan.intensities.size());
      }));
    }
    return plan;
  });
}

}  // namespace seg
