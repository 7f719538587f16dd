// Arrays of the goldens' .npz files as images.
#pragma once
#include <algorithm>
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

}  // namespace seg::testing
