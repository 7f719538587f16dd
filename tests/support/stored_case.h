// Writes small preprocessed cases for tests of sampling and loading.
#pragma once
#include <numeric>
#include <string>

#include "data/class_locations.h"
#include "data/preprocess.h"

namespace seg::testing {

/// An image whose voxels are 1, 2, 3, ...
inline Image numbered_image(std::int64_t channels, Shape4 shape) {
  shape[0] = channels;
  Image image(shape);
  std::iota(image.data.begin(), image.data.end(), 1.0f);
  return image;
}

/// Stores a case as preprocessing does.
inline void store(const fs::path& folder, const std::string& id, const Image& data, const Labels& seg,
                  const DatasetInfo& info) {
  PreprocessedCase preprocessed;
  preprocessed.data = data;
  preprocessed.seg = seg;
  preprocessed.class_locations = find_class_locations(seg, info);
  store_case(folder, id, preprocessed);
}

}  // namespace seg::testing
