// Arrays of the goldens' .npz files as images.
#pragma once
#include <algorithm>
#include <cmath>
#include <span>
#include <string>

#include "base/npz.h"
#include "image/volume.h"
#include "support/goldens.h"

namespace seg::testing {

/// A four-dimensional float array of an archive; `npz` is relative to the shared folder.
inline Image golden_image(const fs::path& npz, const std::string& name) {
  const auto arrays = read_npz(shared_folder() / npz);
  const auto& array = array_of(arrays, name);
  Image image({array.shape().at(0), array.shape().at(1), array.shape().at(2), array.shape().at(3)});
  const auto values = array.values<float>();
  std::copy(values.begin(), values.end(), image.data.begin());
  return image;
}

/// The distance between float16 numbers around a positive `value` (at least the subnormals').
inline double half_step(double value) {
  return std::ldexp(1.0, std::max(std::ilogb(value), -14) - 10);
}

}  // namespace seg::testing
