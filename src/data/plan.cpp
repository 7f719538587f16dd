#include "data/plan.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/suggest.h"
#include "data/quantile.h"
#include "image/resample.h"

namespace seg {
namespace {

constexpr double kAnisotropyThreshold = 3.0;
constexpr double kCoarseAxisPercentile = 10.0;  // of the spacings of an axis far coarser than the others
constexpr double kMaskShare = 0.75;  // below it, cropping removed so much that zscore uses the mask

/// Median of each axis.
template <class T>
Vec3 medians(const std::vector<std::array<T, 3>>& rows) {
  Vec3 result{};
  for (int axis = 0; axis < 3; ++axis) {
    std::vector<double> column;
    for (const auto& row : rows) column.push_back(static_cast<double>(row[axis]));
    result[axis] = median(std::move(column));
  }
  return result;
}

/// The spacing all cases are resampled to: the median, but finer on an axis that is much coarser and has few
/// slices.
Vec3 target_spacing(const Fingerprint& fingerprint) {
  Vec3 target = medians(fingerprint.spacings);
  const Vec3 size = medians(fingerprint.shapes_after_crop);
  const auto worst =
      static_cast<std::size_t>(std::max_element(target.begin(), target.end()) - target.begin());
  const std::array<std::size_t, 2> others{worst == 0 ? 1u : 0u, worst == 2 ? 1u : 2u};
  const double other_spacing = std::max(target[others[0]], target[others[1]]);
  const double other_size = std::min(size[others[0]], size[others[1]]);
  if (target[worst] <= kAnisotropyThreshold * other_spacing ||
      size[worst] * kAnisotropyThreshold >= other_size)
    return target;
  std::vector<double> column;
  for (const auto& spacing : fingerprint.spacings) column.push_back(spacing[worst]);
  std::sort(column.begin(), column.end());
  target[worst] = percentile(column, kCoarseAxisPercentile);
  if (target[worst] < other_spacing) target[worst] = other_spacing + 1e-5;
  return target;
}

Normalization normalization_of(std::string channel) {
  std::transform(channel.begin(), channel.end(), channel.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (channel == "ct") return Normalization::ct;
  if (channel == "nonorm") return Normalization::none;
  if (channel == "rescale_to_0_1") return Normalization::rescale_0_1;
  if (channel == "rgb_to_0_1") return Normalization::rgb_to_0_1;
  return Normalization::zscore;
}

void check(const Fingerprint& fingerprint, const DatasetInfo& info) {
  const auto cases = fingerprint.spacings.size();
  if (cases == 0 || fingerprint.shapes_after_crop.size() != cases)
    fail("fingerprint: expected the same number of spacings and shapes, at least one, got {} and {}", cases,
         fingerprint.shapes_after_crop.size());
  if (fingerprint.intensities.size() != info.channel_names.size())
    fail("fingerprint: expected intensities of {} channels, got {}", info.channel_names.size(),
         fingerprint.intensities.size());
}

const Configuration* find_configuration(const std::vector<Configuration>& configurations,
                                        const std::string& name) {
  const auto found = std::find_if(configurations.begin(), configurations.end(),
                                  [&](const Configuration& c) { return c.name == name; });
  return found == configurations.end() ? nullptr : &*found;
}

}  // namespace

std::string reader_name(const std::string& file_ending, const Vec3& spacing) {
  const std::array<std::string_view, 6> natural{".png", ".bmp", ".tif", ".tiff", ".jpg", ".jpeg"};
  const bool flat = std::find(natural.begin(), natural.end(), file_ending) != natural.end();
  if (flat && spacing[0] != 999) return "Tiff3DIO";  // pages of a volume
  return flat ? "NaturalImage2DIO" : "SimpleITKIO";
}

const Configuration& Plan::configuration(const std::string& name) const {
  if (const auto* found = find_configuration(configurations, name)) return *found;
  std::vector<std::string> known;
  for (const auto& configuration : configurations) known.push_back(configuration.name);
  fail_unknown("configuration", name, known);
}

Configuration& Plan::configuration(const std::string& name) {
  return const_cast<Configuration&>(std::as_const(*this).configuration(name));
}

Plan make_plan(const Fingerprint& fingerprint, const DatasetInfo& info) {
  check(fingerprint, info);
  Plan plan;
  plan.dataset_name = info.name;
  plan.image_reader_writer = reader_name(info.file_ending, fingerprint.spacings.front());
  plan.intensities = fingerprint.intensities;

  // The axis with the largest spacing comes first: slices are taken across it.
  const Vec3 target = target_spacing(fingerprint);
  const auto coarsest = static_cast<int>(std::max_element(target.begin(), target.end()) - target.begin());
  plan.transpose_forward[0] = coarsest;
  for (int axis = 0, next = 1; axis < 3; ++axis) {
    if (axis != coarsest) plan.transpose_forward[next++] = axis;
  }
  for (int axis = 0; axis < 3; ++axis) plan.transpose_backward[plan.transpose_forward[axis]] = axis;

  plan.median_spacing = transposed(medians(fingerprint.spacings), plan.transpose_forward);
  const Vec3 cropped = transposed(medians(fingerprint.shapes_after_crop), plan.transpose_forward);
  for (int axis = 0; axis < 3; ++axis)
    plan.median_shape[axis] = static_cast<std::int64_t>(std::nearbyint(cropped[axis]));

  std::vector<Shape3> sizes;
  for (std::size_t i = 0; i < fingerprint.spacings.size(); ++i)
    sizes.push_back(resampled_size(fingerprint.shapes_after_crop[i], fingerprint.spacings[i], target));
  const Vec3 size = transposed(medians(sizes), plan.transpose_forward);
  const Vec3 spacing = transposed(target, plan.transpose_forward);

  const double voxels = size[0] * size[1] * size[2] * static_cast<double>(info.num_training);
  auto configuration = plan_slices({size[1], size[2]}, {spacing[1], spacing[2]}, voxels,
                                   static_cast<std::int64_t>(info.labels.size()));
  configuration.data_identifier = plan.plans_name + "_" + configuration.name;
  const bool mask = fingerprint.median_relative_size_after_cropping < kMaskShare;
  for (const auto& channel : info.channel_names) {
    configuration.normalization.push_back(normalization_of(channel));
    configuration.use_mask_for_norm.push_back(mask &&
                                              configuration.normalization.back() == Normalization::zscore);
  }
  plan.configurations = {std::move(configuration)};
  return plan;
}

}  // namespace seg
