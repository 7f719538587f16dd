#include "data/preprocess.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "base/memory.h"
#include "data/class_locations.h"
#include "data/normalize.h"
#include "data/raw_case.h"
#include "image/resample.h"

namespace seg {
namespace {

constexpr std::int64_t kLargeCase = 1 << 20;  // voxels

/// The box of a [channels, z, y, x] array, in the transposed frame: axis a of the result is axis order[a].
template <class T>
Grid<T> cut_transposed(Grid<T> source, const Box& box, const std::array<int, 3>& order) {
  const Shape3 size = source.space();
  if (order == std::array{0, 1, 2} && box == Box{{{0, size[0]}, {0, size[1]}, {0, size[2]}}}) return source;
  const auto length = [&](int axis) { return box[axis][1] - box[axis][0]; };
  const std::array<std::int64_t, 3> strides{source.shape[2] * source.shape[3], source.shape[3], 1};
  Grid<T> out({source.channels(), length(order[0]), length(order[1]), length(order[2])});
  T* target = out.data.data();
  for (std::int64_t c = 0; c < source.channels(); ++c) {
    const T* corner = &source.at(c, box[0][0], box[1][0], box[2][0]);
    for (std::int64_t z = 0; z < out.shape[1]; ++z) {
      for (std::int64_t y = 0; y < out.shape[2]; ++y) {
        const T* row = corner + z * strides[order[0]] + y * strides[order[1]];
        for (std::int64_t x = 0; x < out.shape[3]; ++x) *target++ = row[x * strides[order[2]]];
      }
    }
  }
  return out;
}

/// Sets -1 where there is neither image nor label.
void mark_outside(const Mask& mask, Labels& labels) {
  for (std::size_t i = 0; i < mask.size(); ++i) {
    if (mask[i] == 0 && labels.data[i] == 0) labels.data[i] = -1;
  }
}

/// The spacing of the configuration in the transposed frame; slices keep their distance.
Vec3 target_spacing(const Vec3& current, const Configuration& configuration) {
  const auto& planned = configuration.spacing;
  if (planned.size() == 2) return {current[0], planned[0], planned[1]};
  return {planned.at(0), planned.at(1), planned.at(2)};
}

void check_sizes(const LoadedImage& image, const std::optional<LoadedLabels>& labels, const Plan& plan,
                 const Configuration& configuration) {
  const auto& voxels = image.voxels;
  if (voxels.count() == 0) fail("the image has no voxels");
  if (labels && labels->voxels.space() != voxels.space()) fail("image and labels differ in size");
  const auto channels = configuration.normalization.size();
  if (voxels.channels() != static_cast<std::int64_t>(channels))
    fail("the plans are for {} channels, the image has {}", channels, voxels.channels());
  if (plan.intensities.size() != channels || configuration.use_mask_for_norm.size() != channels)
    fail("the plans disagree on the number of channels");
}

}  // namespace

PreprocessedCase preprocess_case(LoadedImage image, std::optional<LoadedLabels> labels, const Plan& plan,
                                 const Configuration& configuration, const DatasetInfo& info) {
  check_sizes(image, labels, plan, configuration);
  const auto& order = plan.transpose_forward;
  const Shape4 shape{1, image.voxels.shape[1], image.voxels.shape[2], image.voxels.shape[3]};
  Labels seg = labels ? std::move(labels->voxels) : Labels(shape);
  Box box;
  {
    const NonzeroRegion region = find_nonzero(image.voxels);
    box = region.box;
    mark_outside(region.mask, seg);
  }
  if (seg.count() > kLargeCase) release_free_memory();  // what reading and the mask took
  PreprocessedCase made;
  made.properties.geometry = image.geometry;
  made.properties.spacing = image.geometry.spacing;
  made.properties.shape_before_cropping = transposed(image.voxels.space(), order);
  made.properties.bbox = transposed(box, order);
  // No more than the raw and the cut voxels of one of the two are held together.
  made.seg = cut_transposed(std::move(seg), box, order);
  made.data = cut_transposed(std::move(image.voxels), box, order);
  made.properties.shape_after_cropping = made.data.space();

  for (std::int64_t c = 0; c < made.data.channels(); ++c) {
    const auto channel = static_cast<std::size_t>(c);
    const bool masked = configuration.use_mask_for_norm[channel];
    normalize(made.data.channel(c), configuration.normalization[channel], plan.intensities[channel],
              masked ? std::span<const std::int32_t>(made.seg.data) : std::span<const std::int32_t>());
  }

  const Vec3 current = transposed(image.geometry.spacing, order);
  const Vec3 target = target_spacing(current, configuration);
  const Shape3 size = resampled_size(made.data.space(), current, target);
  const auto separate = separate_axis(current, target);
  if (size != made.data.space()) {
    made.data = resample_image(made.data, size, Interpolation::cubic, separate);
    made.seg = resample_labels(made.seg, size, separate);
  }
  if (labels) made.class_locations = find_class_locations(made.seg, info);
  return made;
}

PreprocessedCase preprocess_case(const Case& files, const Plan& plan, const Configuration& configuration,
                                 const DatasetInfo& info) {
  RawCase raw = read_case(files, info);
  return preprocess_case(std::move(raw.image), std::move(raw.labels), plan, configuration, info);
}

void preprocess_dataset(const Dataset& dataset, const Plan& plan, const Configuration& configuration,
                        const fs::path& folder) {
  make_folder(folder);
  for_each_case("preprocess", dataset.training, [&](std::size_t i) {
    const Case& files = dataset.training[i];
    store_case(folder, files.id, preprocess_case(files, plan, configuration, dataset.info));
  });
}

}  // namespace seg
