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

/// The nearest float16 number, ties to even. Values above float16's largest stay apart.
float round_to_half(float value) {
  constexpr float kSmallestNormal = 0x1p-14f;
  if (std::abs(value) < kSmallestNormal) return (value + 0.75f) - 0.75f;  // the sum's last bit is worth 2^-24
  auto bits = std::bit_cast<std::uint32_t>(value);
  bits += 0xFFFu + ((bits >> 13) & 1u);
  return std::bit_cast<float>(bits & ~0x1FFFu);
}

/// Turns rows of logits into labels and probabilities.
class RowClassifier {
 public:
  explicit RowClassifier(const DatasetInfo& info)
      : channels_(info.output_channels()),
        regions_(info.has_regions() ? info.regions_class_order : std::vector<int>()) {}

  /// `logits` is the row of channel 0; the next channel's begins `stride` later. softmax and sigmoid keep the
  /// order, so neither is computed.
  void labels(const float* logits, std::int64_t stride, std::span<std::int32_t> labels) const {
    if (regions_.empty()) {
      take_largest(logits, stride, labels);
    } else {
      paint_regions(logits, stride, labels);
    }
  }

  /// softmax, or sigmoid for regions: [channels, width].
  std::vector<float> probabilities(const float* logits, std::int64_t stride, std::int64_t width) const {
    std::vector<float> row;
    row.reserve(static_cast<std::size_t>(channels_ * width));
    for (int c = 0; c < channels_; ++c) {
      for (std::int64_t x = 0; x < width; ++x) row.push_back(round_to_half(logits[c * stride + x]));
    }
    if (!regions_.empty()) {
      for (float& value : row) value = 1 / (1 + std::exp(-value));
      return row;
    }
    const auto step = static_cast<std::size_t>(width);
    for (std::size_t x = 0; x < step; ++x) {
      float largest = row[x], sum = 0;
      for (std::size_t i = x; i < row.size(); i += step) largest = std::max(largest, row[i]);
      for (std::size_t i = x; i < row.size(); i += step) sum += row[i] = std::exp(row[i] - largest);
      for (std::size_t i = x; i < row.size(); i += step) row[i] /= sum;
    }
    return row;
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

/// The empty results in the original frame, and where a voxel of the crop lies in them.
struct Canvas {
  Prediction result;
  std::int64_t origin = 0;  ///< index of the crop's first voxel
  Shape3 stride{};          ///< along the axes of the transposed frame

  Canvas(const CaseProperties& properties, const std::array<int, 3>& transpose_backward,
         const DatasetInfo& info, bool with_probabilities) {
    Shape4 shape{1, 0, 0, 0};
    for (int axis = 0; axis < 3; ++axis)
      shape[axis + 1] = properties.shape_before_cropping[transpose_backward[axis]];
    result.labels = Labels(shape);
    if (with_probabilities) {
      result.probabilities = Image({info.output_channels(), shape[1], shape[2], shape[3]});
      if (!info.has_regions()) std::ranges::fill(result.probabilities.channel(0), 1.0f);  // all background
    }
    const Shape3 strides{shape[2] * shape[3], shape[3], 1};
    for (int axis = 0; axis < 3; ++axis) stride[transpose_backward[axis]] = strides[axis];
    for (int axis = 0; axis < 3; ++axis) origin += properties.bbox[axis][0] * stride[axis];
  }
};

void check(const CaseProperties& properties, const Plan& plan) {
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
}

void check(const Image& logits, const DatasetInfo& info) {
  if (logits.channels() != info.output_channels()) {
    fail("logits: expected {} channels for the labels of {}, got {}", info.output_channels(), info.name,
         logits.channels());
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

/// Takes logits block by block and fills the canvas.
class Exporter {
 public:
  Exporter(const CaseProperties& properties, const Plan& plan, const Configuration& configuration,
           const DatasetInfo& info, bool with_probabilities)
      : size_(properties.shape_after_cropping),
        info_(info),
        classify_(info),
        separate_(separate_axis_of_export(properties, configuration)),
        canvas_(properties, plan.transpose_backward, info, with_probabilities) {}

  /// Logits that become the slices [first, first + depth) of the crop.
  void add(const Image& logits, std::int64_t first, std::int64_t depth) {
    check(logits, info_);
    const Shape3 size{depth, size_[1], size_[2]};
    if (logits.space() == size) {
      place(logits.data.data(), first, depth);
      return;
    }
    const std::int64_t slice = logits.channels() * size_[1] * size_[2];
    const std::int64_t slab = std::clamp<std::int64_t>(slices_at_once(slice), 1, depth);
    resampled_.resize(static_cast<std::size_t>(slice * slab));
    for (std::int64_t begin = 0; begin < depth; begin += slab) {
      const std::int64_t count = std::min(slab, depth - begin);
      const auto values = std::span(resampled_).first(static_cast<std::size_t>(slice * count));
      resample_linear_slab(logits, size, separate_, begin, begin + count, values);
      place(values.data(), first + begin, count);
    }
  }

  Prediction result() && { return std::move(canvas_.result); }

 private:
  /// `values` [channels, depth, y, x] belong to the slices from `first` on.
  void place(const float* values, std::int64_t first, std::int64_t depth) {
    const std::int64_t height = size_[1], width = size_[2], stride = depth * height * width;
    parallel_for(depth * height, [&](std::int64_t i) {
      const float* logits = values + i * width;
      const std::int64_t start =
          canvas_.origin + (first + i / height) * canvas_.stride[0] + i % height * canvas_.stride[1];
      std::vector<std::int32_t> labels(static_cast<std::size_t>(width));
      classify_.labels(logits, stride, labels);
      put(labels.data(), canvas_.result.labels.data.data() + start);
      Image& probabilities = canvas_.result.probabilities;
      if (probabilities.data.empty()) return;
      const auto row = classify_.probabilities(logits, stride, width);
      for (std::int64_t c = 0; c < probabilities.channels(); ++c)
        put(row.data() + c * width, probabilities.channel(c).data() + start);
    });
  }

  /// Copies a row of the transposed frame to where it lies in the original one.
  template <class T>
  void put(const T* row, T* out) const {
    for (std::int64_t x = 0; x < size_[2]; ++x) out[x * canvas_.stride[2]] = row[x];
  }

  Shape3 size_;
  const DatasetInfo& info_;
  RowClassifier classify_;
  std::optional<int> separate_;
  Canvas canvas_;
  std::vector<float> resampled_;  // [channels, slab, y, x]
};

}  // namespace

std::int64_t slices_at_once(std::int64_t slice_values) {
  constexpr std::int64_t kBytes = std::int64_t{64} << 20;
  const std::int64_t slice_bytes = std::max<std::int64_t>(slice_values, 1) * std::int64_t{sizeof(float)};
  return std::max<std::int64_t>(1, kBytes / slice_bytes);
}

Prediction export_in_blocks(const LogitsOfSlices& logits_of, std::int64_t block,
                            const CaseProperties& properties, const Plan& plan,
                            const Configuration& configuration, const DatasetInfo& info,
                            bool with_probabilities) {
  check(properties, plan);
  Exporter exporter(properties, plan, configuration, info, with_probabilities);
  const std::int64_t depth = properties.shape_after_cropping[0];
  for (std::int64_t first = 0; first < depth; first += block) {
    const std::int64_t count = std::min(block, depth - first);
    exporter.add(logits_of(first, first + count), first, count);
  }
  return std::move(exporter).result();
}

}  // namespace seg
