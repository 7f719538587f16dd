// Cutting single labels out of a pair of label maps.
#pragma once
#include <optional>
#include <unordered_map>
#include <vector>

#include "eval/surface_distances.h"
#include "image/volume.h"

namespace seg {

/// First and last place plus one, z, y, x; empty by default.
struct VoxelBox {
  Shape3 from{0, 0, 0}, to{0, 0, 0};
  bool empty() const { return to[0] <= from[0]; }
  void include(const VoxelBox& other);
};

/// Finds in one pass where every label lies, so that cutting one touches only its surroundings. Keeps
/// references to the label maps.
class LabelCutter {
 public:
  /// Voxels whose reference is `ignore` belong to no label. Throws Error for different sizes.
  LabelCutter(const Labels& reference, const Labels& prediction, const Vec3& spacing,
              std::optional<int> ignore = {});

  /// The smallest box around the voxels with one of the values, in the reference or in both.
  VoxelBox reference_box(const std::vector<int>& values) const { return box_of(reference_boxes_, values); }
  VoxelBox box(const std::vector<int>& values) const;

  /// The label in reference and prediction inside a box.
  MaskPair cut(const std::vector<int>& values, const VoxelBox& box) const;
  MaskPair cut(const std::vector<int>& values) const { return cut(values, box(values)); }

 private:
  using Boxes = std::unordered_map<std::int32_t, VoxelBox>;
  static Boxes find_boxes(const Labels& labels);
  static VoxelBox box_of(const Boxes& boxes, const std::vector<int>& values);

  const Labels& reference_;
  const Labels& prediction_;
  Vec3 spacing_;
  std::optional<int> ignore_;
  Boxes reference_boxes_, prediction_boxes_;
};

}  // namespace seg
