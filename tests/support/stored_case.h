// Writes small preprocessed cases for tests of sampling and loading.
#pragma once
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/npy.h"
#include "data/dataset.h"
#include "image/volume.h"

namespace seg::testing {

/// An image whose voxels are 1, 2, 3, ...
inline Image numbered_image(std::int64_t channels, Shape4 shape) {
  shape[0] = channels;
  Image image(shape);
  std::iota(image.data.begin(), image.data.end(), 1.0f);
  return image;
}

/// Stores a case with every voxel of every class in its locations.
inline void store(const fs::path& folder, const std::string& id, const Image& data, const Labels& seg,
                  const DatasetInfo& info) {
  std::vector<std::vector<int>> classes;
  for (const auto& label : info.foreground()) classes.push_back(label.values);
  if (const auto ignore = info.ignore_label()) {
    std::set<int> labelled;
    for (const auto& label : info.labels) labelled.insert(label.values.begin(), label.values.end());
    labelled.erase(*ignore);
    classes.emplace_back(labelled.begin(), labelled.end());
  }
  Json counts = Json::object();
  std::vector<std::int32_t> locations;
  for (const auto& values : classes) {
    std::int64_t count = 0;
    for (std::int64_t i = 0; i < seg.count(); ++i) {
      if (std::find(values.begin(), values.end(), seg.data[static_cast<std::size_t>(i)]) == values.end())
        continue;
      const std::int64_t x = i % seg.shape[3], y = i / seg.shape[3] % seg.shape[2];
      for (const auto at : {i / seg.shape[3] / seg.shape[2], y, x})
        locations.push_back(static_cast<std::int32_t>(at));
      ++count;
    }
    const auto key =
        values.size() == 1 ? std::to_string(values[0]) : fmt::format("({})", fmt::join(values, ", "));
    counts[key] = count;
  }
  write_npy<float>(folder / (id + ".npy"), data.shape, data.data);
  const std::vector<std::int16_t> narrow(seg.data.begin(), seg.data.end());
  write_npy<std::int16_t>(folder / (id + "_seg.npy"), seg.shape, narrow);
  const std::array<std::int64_t, 2> rows{static_cast<std::int64_t>(locations.size() / 3), 3};
  write_npy<std::int32_t>(folder / (id + "_locations.npy"), rows, locations);
  write_json(folder / (id + ".json"), {{"class_locations", counts}});
}

}  // namespace seg::testing
