// The shape of a 2-D network and its patch and batch size, from the size and spacing of the slices.
#include <algorithm>
#include <cmath>

#include "data/plan.h"

namespace seg {
namespace {

constexpr double kStartSize = 2048;     // edge of the square that the first patch has the area of
constexpr double kMinFeatureMap = 4;    // pixels of an axis after the last pooling
constexpr double kMemoryBudget = 85e6;  // of feature_map_estimate
constexpr double kBudgetBatch = 12;     // batch size that the budget stands for
constexpr double kBatchShare = 0.05;    // of the dataset's voxels
constexpr double kMinBatch = 2;
constexpr std::int64_t kConvsPerStage = 2;

using Size = std::vector<double>;

/// Pooling and kernels of the stages for a patch.
struct Topology {
  std::vector<std::int64_t> pools;                         ///< per axis
  std::vector<std::vector<std::int64_t>> strides{{1, 1}};  ///< per stage
  std::vector<std::vector<std::int64_t>> kernels;
  Size padded;  ///< the patch, a multiple of `divisor`

  double divisor(std::size_t axis) const { return std::exp2(static_cast<double>(pools[axis])); }

  /// The stages as a configuration; the rest of it is left at its defaults.
  Configuration configuration() const {
    Configuration c;
    c.patch_size.assign(padded.begin(), padded.end());
    c.num_pool_per_axis = pools;
    c.pool_kernels = strides;
    c.conv_kernels = kernels;
    c.convs_per_stage_encoder.assign(strides.size(), kConvsPerStage);
    c.convs_per_stage_decoder.assign(strides.size() - 1, kConvsPerStage);
    return c;
  }
};

/// Axes to pool next: large enough still, and not much coarser than the finest of those.
std::vector<bool> axes_to_pool(const Size& size, const Size& spacing) {
  std::vector<bool> pool(size.size());
  double finest = INFINITY;
  for (std::size_t axis = 0; axis < size.size(); ++axis) {
    pool[axis] = size[axis] >= 2 * kMinFeatureMap;
    if (pool[axis]) finest = std::min(finest, spacing[axis]);
  }
  for (std::size_t axis = 0; axis < size.size(); ++axis)
    pool[axis] = pool[axis] && spacing[axis] / finest < 2;
  const auto count = std::count(pool.begin(), pool.end(), true);
  const auto only = static_cast<std::size_t>(std::find(pool.begin(), pool.end(), true) - pool.begin());
  if (count == 1 && size[only] < 3 * kMinFeatureMap) pool[only] = false;
  return pool;
}

Topology plan_topology(Size spacing, const Size& patch) {
  Topology topology;
  topology.pools.assign(patch.size(), 0);
  Size size = patch;
  std::vector<std::int64_t> kernel(patch.size(), 1);
  for (auto pool = axes_to_pool(size, spacing); std::count(pool.begin(), pool.end(), true) > 0;
       pool = axes_to_pool(size, spacing)) {
    const double finest = *std::min_element(spacing.begin(), spacing.end());
    std::vector<std::int64_t> stride(patch.size(), 1);
    for (std::size_t axis = 0; axis < patch.size(); ++axis) {
      if (spacing[axis] / finest < 2) kernel[axis] = 3;
      if (!pool[axis]) continue;
      stride[axis] = 2;
      ++topology.pools[axis];
    }
    for (std::size_t axis = 0; axis < patch.size(); ++axis) {
      if (!pool[axis]) continue;
      spacing[axis] *= 2;
      size[axis] = std::ceil(size[axis] / 2);
    }
    topology.strides.push_back(stride);
    topology.kernels.push_back(kernel);
  }
  topology.kernels.emplace_back(patch.size(), 3);
  for (std::size_t axis = 0; axis < patch.size(); ++axis)
    topology.padded.push_back(std::ceil(patch[axis] / topology.divisor(axis)) * topology.divisor(axis));
  return topology;
}

double estimate(const Size& patch, const std::vector<std::vector<std::int64_t>>& strides,
                std::int64_t label_entries) {
  const double convs = 2.0 * kConvsPerStage + 1;  // encoder, decoder and the transposed convolution
  double pixels = 1, total = 0;
  for (const double side : patch) pixels *= side;
  total += static_cast<double>(label_entries) * pixels;
  for (std::size_t stage = 0; stage < strides.size(); ++stage) {
    for (const auto stride : strides[stage]) pixels /= static_cast<double>(stride);
    const double features = std::min(512.0, 32.0 * std::exp2(static_cast<double>(stage)));
    const bool bottleneck = stage + 1 == strides.size();
    total += (bottleneck ? static_cast<double>(kConvsPerStage) : convs) * features * pixels;
  }
  return total;
}

/// The axis on which the patch covers most of the image; of equal ones the last.
std::size_t largest_axis(const Size& patch, const Size& median_size) {
  std::size_t largest = 0;
  for (std::size_t axis = 1; axis < patch.size(); ++axis) {
    if (patch[axis] / median_size[axis] >= patch[largest] / median_size[largest]) largest = axis;
  }
  return largest;
}

Size start_patch(const Size& median_size, const Size& spacing) {
  Size patch;
  double inverse_volume = 1;
  for (const double step : spacing) inverse_volume *= 1 / step;
  const double scale = std::sqrt(kStartSize * kStartSize / inverse_volume);
  for (std::size_t axis = 0; axis < spacing.size(); ++axis)
    patch.push_back(std::min(std::nearbyint(1 / spacing[axis] * scale), median_size[axis]));
  return patch;
}

}  // namespace

double feature_map_estimate(const Configuration& configuration, std::int64_t label_entries) {
  return estimate(Size(configuration.patch_size.begin(), configuration.patch_size.end()),
                  configuration.pool_kernels, label_entries);
}

Configuration plan_stages(const std::vector<double>& patch, const std::vector<double>& spacing) {
  return plan_topology(spacing, patch).configuration();
}

Configuration plan_slices(const std::vector<double>& median_size, const std::vector<double>& spacing,
                          double dataset_voxels, std::int64_t label_entries) {
  Topology topology = plan_topology(spacing, start_patch(median_size, spacing));
  Size patch = topology.padded;
  while (estimate(patch, topology.strides, label_entries) > kMemoryBudget) {
    const auto axis = largest_axis(patch, median_size);
    Size smaller = patch;
    smaller[axis] -= topology.divisor(axis);
    patch[axis] -= plan_topology(spacing, smaller).divisor(axis);
    topology = plan_topology(spacing, patch);
    patch = topology.padded;
  }

  const double memory_batch =
      std::nearbyint(kMemoryBudget / estimate(patch, topology.strides, label_entries) * kBudgetBatch);
  const double data_batch = std::nearbyint(dataset_voxels * kBatchShare / (patch[0] * patch[1]));
  Configuration configuration = topology.configuration();
  configuration.batch_size =
      static_cast<std::int64_t>(std::max(std::min(memory_batch, data_batch), kMinBatch));
  configuration.median_image_size = median_size;
  configuration.spacing = spacing;
  return configuration;
}

}  // namespace seg
