#include "infer/export.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/threads.h"
#include "image/resample.h"

namespace seg {
namespace {

constexpr std::int64_t kSlabBytes = std::int64_t{64} << 20;

/// The nearest float16 number, ties to even. Values above float16's largest stay apart.
float round_to_half(float value) {
  constexpr float kSmallestNormal = 0x1p-14f;
  if (std::abs(value) < kSmallestNormal) return (value + 0.75f) - 0.75f;  // the sum's last bit is worth 2^-24
  auto bits = std::bit_cast<std::uint32_t>(value);
  bits += 0xFFFu + ((bits >> 13) & 1u);
  return std::bit_cast<float>(bits & ~0x1FFFu);
}

/// Turns a row of logits into labels. softmax and sigmoid keep the order, so neither is computed.
class RowClassifier {
 public:
  explicit RowClassifier(const DatasetInfo& info)
      : channels_(info.output_channels()),
        regions_(info.has_regions() ? info.regions_class_order : std::vector<int>()) {}

  /// `logits` is the row of channel 0; the next channel's begins `stride` later.
  void operator()(const float* logits, std::int64_t stride, std::span<std::int32_t> labels) const {
    if (regions_.empty()) {
      take_largest(logits, stride, labels);
    } else {
      paint_regions(logits, stride, labels);
    }
  }

 private:
  void take_largest(const float* logits, std::int64_t stride, std::span<std::int32_t> labels) const {
    std::vector<float> best(labels.size());
    for (std::size_t x = 0; x < best.size(); ++x) best[x] = round_to_half(logits[x]);
    std::fill(labels.begin(), labels.end(), 0);
    for (int c = 1; c < channels_; ++c) {
      const float* row = logits + c * stride;
      for (std::size_t x = 0; x < best.size(); ++x) {
        const float value = round_to_half(row[x]);
        labels[x] = value > best[x] ? c : labels[x];
        best[x] = std::max(value, best[x]);
      }
    }
  }

  void paint_regions(const float* logits, std::int64_t stride, std::span<std::int32_t> labels) const {
    std::fill(labels.begin(), labels.end(), 0);
    for (std::size_t r = 0; r < regions_.size(); ++r) {
      const float* row = logits + static_cast<std::int64_t>(r) * stride;
      for (std::size_t x = 0; x < labels.size(); ++x)
        labels[x] = round_to_half(row[x]) > 0 ? regions_[r] : labels[x];  // a probability above one half
    }
  }

  int channels_;
  std::vector<int> regions_;
};

/// The empty label image in the original frame, and where a voxel of the crop lies in it.
struct Canvas {
  Labels labels;
  std::int64_t origin = 0;  ///< index of the crop's first voxel
  Shape3 stride{};          ///< along the axes of the transposed frame

  Canvas(const CaseProperties& properties, const std::array<int, 3>& transpose_backward) {
    Shape4 shape{1, 0, 0, 0};
    for (int axis = 0; axis < 3; ++axis)
      shape[axis + 1] = properties.shape_before_cropping[transpose_backward[axis]];
    labels = Labels(shape);
    const Shape3 strides{shape[2] * shape[3], shape[3], 1};
    for (int axis = 0; axis < 3; ++axis) stride[transpose_backward[axis]] = strides[axis];
    for (int axis = 0; axis < 3; ++axis) origin += properties.bbox[axis][0] * stride[axis];
  }
};

void check(const Image& logits, const CaseProperties& properties, const Plan& plan, const DatasetInfo& info) {
  if (logits.channels() != info.output_channels()) {
    fail("logits: expected {} channels for the labels of {}, got {}", info.output_channels(), info.name,
         logits.channels());
  }
  auto axes = plan.transpose_backward;
  std::sort(axes.begin(), axes.end());
  if (axes != std::array<int, 3>{0, 1, 2})
    fail("plans: transpose_backward is not an order of 0, 1, 2: {}",
         fmt::join(plan.transpose_backward, ", "));
  for (int axis = 0; axis < 3; ++axis) {
    const auto [begin, end] = properties.bbox[axis];
    if (begin < 0 || end > properties.shape_before_cropping[axis] ||
        end - begin != properties.shape_after_cropping[axis]) {
      fail("case properties: the box [{}, {}) on axis {} does not fit sizes {} before and {} after cropping",
           begin, end, axis, properties.shape_before_cropping[axis], properties.shape_after_cropping[axis]);
    }
  }
  if (!std::all_of(logits.data.begin(), logits.data.end(), [](float v) { return std::isfinite(v); })) {
    throw Error("the network's output holds NaN or infinite values",
                "the weights may be damaged or from a training that diverged");
  }
}

/// Which axis is resampled by nearest neighbour. nnU-Net hands over the current spacing in the transposed
/// frame and the new one in the ORIGINAL axis order; models were validated with that, so it is kept.
std::optional<int> separate_axis_of_export(const CaseProperties& properties,
                                           const Configuration& configuration) {
  const auto& spacing = configuration.spacing;
  if (spacing.size() != 2 && spacing.size() != 3)
    fail("configuration {}: expected 2 or 3 spacings, got {}", configuration.name, spacing.size());
  const Vec3 current = spacing.size() == 2 ? Vec3{properties.spacing[0], spacing[0], spacing[1]}
                                           : Vec3{spacing[0], spacing[1], spacing[2]};
  return separate_axis(current, properties.spacing);
}

}  // namespace

Labels export_labels(const Image& logits, const CaseProperties& properties, const Plan& plan,
                     const Configuration& configuration, const DatasetInfo& info) {
  check(logits, properties, plan, info);
  const auto separate = separate_axis_of_export(properties, configuration);
  const RowClassifier classify(info);
  Canvas canvas(properties, plan.transpose_backward);

  const Shape3 size = properties.shape_after_cropping;
  const std::int64_t plane = size[1] * size[2];
  const std::int64_t slice_bytes = logits.channels() * plane * static_cast<std::int64_t>(sizeof(float));
  const std::int64_t slab = std::clamp<std::int64_t>(kSlabBytes / slice_bytes, 1, size[0]);
  std::vector<float> resampled(static_cast<std::size_t>(logits.channels() * slab * plane));
  for (std::int64_t z_begin = 0; z_begin < size[0]; z_begin += slab) {
    const std::int64_t depth = std::min(slab, size[0] - z_begin);
    const auto values =
        std::span(resampled).first(static_cast<std::size_t>(logits.channels() * depth * plane));
    resample_linear_slab(logits, size, separate, z_begin, z_begin + depth, values);
    parallel_for(depth, [&](std::int64_t z) {
      std::vector<std::int32_t> row(static_cast<std::size_t>(size[2]));
      for (std::int64_t y = 0; y < size[1]; ++y) {
        classify(values.data() + (z * size[1] + y) * size[2], depth * plane, row);
        std::int64_t at = canvas.origin + (z_begin + z) * canvas.stride[0] + y * canvas.stride[1];
        for (const auto label : row) {
          canvas.labels.data[static_cast<std::size_t>(at)] = label;
          at += canvas.stride[2];
        }
      }
    });
  }
  return std::move(canvas.labels);
}

}  // namespace seg
