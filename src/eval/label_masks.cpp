#include "eval/label_masks.h"

#include <algorithm>

#include "base/error.h"

namespace seg {

void VoxelBox::include(const VoxelBox& other) {
  if (other.empty()) return;
  if (empty()) {
    *this = other;
    return;
  }
  for (std::size_t i = 0; i < 3; ++i) {
    from[i] = std::min(from[i], other.from[i]);
    to[i] = std::max(to[i], other.to[i]);
  }
}

LabelCutter::LabelCutter(const Labels& reference, const Labels& prediction, const Vec3& spacing,
                         std::optional<int> ignore)
    : reference_(reference), prediction_(prediction), spacing_(spacing), ignore_(ignore) {
  if (reference.shape != prediction.shape)
    fail("reference and prediction differ in size: {} and {} (c, z, y, x)", fmt::join(reference.shape, "x"),
         fmt::join(prediction.shape, "x"));
  reference_boxes_ = find_boxes(reference);
  prediction_boxes_ = find_boxes(prediction);
}

LabelCutter::Boxes LabelCutter::find_boxes(const Labels& labels) {
  Boxes boxes;
  const auto [depth, height, width] = labels.space();
  const std::int32_t* row = labels.data.data();
  for (std::int64_t z = 0; z < depth; ++z) {
    for (std::int64_t y = 0; y < height; ++y, row += width) {
      for (std::int64_t x = 0; x < width;) {
        const std::int32_t value = row[x];
        const std::int64_t begin = x;
        while (x < width && row[x] == value) ++x;
        if (value != 0) boxes[value].include({{z, y, begin}, {z + 1, y + 1, x}});
      }
    }
  }
  return boxes;
}

VoxelBox LabelCutter::box_of(const Boxes& boxes, const std::vector<int>& values) {
  VoxelBox box;
  for (const int value : values) {
    if (const auto found = boxes.find(value); found != boxes.end()) box.include(found->second);
  }
  return box;
}

VoxelBox LabelCutter::box(const std::vector<int>& values) const {
  VoxelBox box = box_of(reference_boxes_, values);
  box.include(box_of(prediction_boxes_, values));
  return box;
}

MaskPair LabelCutter::cut(const std::vector<int>& values, const VoxelBox& box) const {
  MaskPair masks{.size = {box.to[0] - box.from[0], box.to[1] - box.from[1], box.to[2] - box.from[2]},
                 .spacing = spacing_,
                 .picture = reference_.shape[1] == 1};
  const Shape3& size = masks.size;
  masks.reference.resize(static_cast<std::size_t>(size[0] * size[1] * size[2]));
  masks.prediction.resize(masks.reference.size());
  const auto is_label = [&](std::int32_t value) {
    bool found = false;
    for (const int wanted : values) found |= value == wanted;
    return static_cast<std::uint8_t>(found);
  };
  std::size_t at = 0;
  for (std::int64_t z = box.from[0]; z < box.to[0]; ++z) {
    for (std::int64_t y = box.from[1]; y < box.to[1]; ++y) {
      const std::int32_t* reference = &reference_.at(0, z, y, box.from[2]);
      const std::int32_t* prediction = &prediction_.at(0, z, y, box.from[2]);
      for (std::int64_t x = 0; x < size[2]; ++x, ++at) {
        const bool counts = !ignore_ || reference[x] != *ignore_;
        masks.reference[at] = is_label(reference[x]);
        masks.prediction[at] = counts ? is_label(prediction[x]) : std::uint8_t{0};
      }
    }
  }
  return masks;
}

}  // namespace seg
