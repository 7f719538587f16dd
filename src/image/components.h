// Connected components of label maps and masks.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "image/volume.h"

namespace seg {

enum class Connectivity {
  face,  ///< neighbours share a face: 6 in a volume, 4 in a picture
  full   ///< or only an edge or a corner: 26 in a volume, 8 in a picture
};

struct Components {
  std::vector<std::int32_t> ids;    ///< [z, y, x]: 0 where the value is 0, else 1, 2, ... in scan order
  std::vector<std::int64_t> sizes;  ///< voxels of every id; sizes[0] are those of value 0
  std::int64_t count() const { return static_cast<std::int64_t>(sizes.size()) - 1; }
};

/// The pieces of an array [z, y, x]: neighbours of equal value other than 0 belong together. A component's id
/// tells when a scan in memory order meets it first. Throws Error where `values` does not have `size` voxels.
template <class T>
Components find_components(std::span<const T> values, const Shape3& size, Connectivity connectivity);

extern template Components find_components(std::span<const std::uint8_t>, const Shape3&, Connectivity);
extern template Components find_components(std::span<const std::int32_t>, const Shape3&, Connectivity);

}  // namespace seg
