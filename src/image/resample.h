// Resampling of volumes to another size, with nnU-Net's rules. Sample centres lie at (i + 0.5) * from / to -
// 0.5, the border continues with its edge values, arithmetic is in double.
#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "image/volume.h"

namespace seg {

/// The axis (0 z, 1 y, 2 x) that is resampled by nearest neighbour, slice by slice, because its spacing is
/// more than three times another one's: in the current spacing, else in the new one. None where two axes
/// share the largest spacing.
std::optional<int> separate_axis(const Vec3& current, const Vec3& target);

/// Sizes of a volume resampled from one spacing to another, half rounded to even.
Shape3 resampled_size(const Shape3& size, const Vec3& current, const Vec3& target);

enum class Interpolation { nearest, linear, cubic };

/// Resamples every channel to `size`. Cubic B-splines are clipped to the range of the input: of the volume,
/// or of the slice across `separate`. Equal sizes give a copy.
Image resample_image(const Image& image, const Shape3& size, Interpolation interpolation,
                     std::optional<int> separate = {});

/// Resamples labels: of the values with a linear weight of at least one half at a voxel the largest one is
/// taken, 0 where none has that much.
Labels resample_labels(const Labels& labels, const Shape3& size, std::optional<int> separate = {});

/// Linear resampling of an image to `size`, of which only the slices [z_begin, z_end) are computed.
/// `out` takes [channels, z_end - z_begin, size y, size x].
void resample_linear_slab(const Image& image, const Shape3& size, std::optional<int> separate,
                          std::int64_t z_begin, std::int64_t z_end, std::span<float> out);

}  // namespace seg
