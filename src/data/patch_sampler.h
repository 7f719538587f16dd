// Where training patches are cut: nnU-Net's foreground oversampling and crop bounds for 2-D patches.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/npy.h"
#include "base/rng.h"
#include "data/dataset.h"
#include "data/patch.h"
#include "image/volume.h"

namespace seg {

/// The rotation drawn for a patch lies in +-this angle: all around, or 15 degrees for oblong patches
/// (radians).
double rotation_limit(Size2 patch_size);

/// Size of the crop that a training patch is rotated and scaled from.
Size2 initial_patch_size(Size2 patch_size);

/// Sample `index` of a batch must show foreground: the last `foreground_share` of every batch does.
bool is_foreground_forced(std::int64_t index, std::int64_t batch_size, double foreground_share);

/// Range of the lower corner of a crop along one axis, both ends included.
struct CornerRange {
  std::int64_t low = 0, high = 0;
};
/// `crop` is cut from `size` voxels and later trimmed to `final_size`; it may reach beyond the image.
CornerRange corner_range(std::int64_t size, std::int64_t crop, std::int64_t final_size);

/// Lower corner of a crop that shows `voxel`.
std::int64_t corner_around(std::int64_t voxel, std::int64_t crop, const CornerRange& range);

/// Rows [begin, end) of a case's stored class locations.
struct LocationRows {
  std::int64_t begin = 0, end = 0;
  std::int64_t count() const { return end - begin; }
};

/// What the sampler keeps in memory of a stored case.
struct CaseEntry {
  std::string id;
  std::vector<LocationRows> classes;  ///< of the foreground classes or regions that the case has
  LocationRows labelled;              ///< all voxels that are not ignored; empty without an ignore label
};

/// The files of one stored case (see store_case), memory-mapped. Opening costs microseconds: it is done per
/// patch, so that a data set of any size stays within the system's limit of memory maps.
class StoredCase {
 public:
  /// Throws Error naming the file when one is missing or its shape does not fit.
  StoredCase(const fs::path& folder, const std::string& id);

  const Shape4& shape() const { return shape_; }  ///< [c, z, y, x]
  std::span<const float> data() const { return data_.values<float>(); }
  std::span<const std::int16_t> seg() const { return seg_.values<std::int16_t>(); }  ///< [z, y, x]
  std::span<const std::int32_t> locations() const {
    return locations_.values<std::int32_t>();
  }  ///< [n, (z, y, x)]

 private:
  NpyFile data_, seg_, locations_;
  Shape4 shape_{};
};

/// Reads which rows of the locations belong to which class, and checks the files of the case.
CaseEntry read_case_entry(const fs::path& folder, const std::string& id, const DatasetInfo& info);

/// Slice and lower corner (may be negative) of a patch.
struct PatchPosition {
  std::int64_t z = 0, y = 0, x = 0;
};

/// Draws a position: around a voxel of a random class of the case when `foreground`; else around any labelled
/// voxel with an ignore label, and anywhere without one. Cases without such a voxel are cropped anywhere.
PatchPosition draw_position(const StoredCase& stored, const CaseEntry& entry, bool foreground, Size2 crop,
                            Size2 final_size, Rng& rng);

/// Cuts a patch; outside the image data is 0 and seg -1.
Patch cut_patch(const StoredCase& stored, const PatchPosition& position, Size2 crop);

}  // namespace seg
