// Preprocessed cases on disk, and their properties as JSON.
#include <algorithm>
#include <limits>
#include <vector>

#include "base/json.h"
#include "base/npz.h"
#include "data/preprocess.h"

namespace seg {
namespace {

using Bounds = std::numeric_limits<std::int16_t>;

std::vector<std::int16_t> to_int16(const Labels& seg) {
  std::vector<std::int16_t> narrow(seg.data.size());
  for (std::size_t i = 0; i < narrow.size(); ++i) {
    if (seg.data[i] < Bounds::min() || seg.data[i] > Bounds::max())
      fail("label value {} does not fit into 16 bits", seg.data[i]);
    narrow[i] = static_cast<std::int16_t>(seg.data[i]);
  }
  return narrow;
}

/// z, y, x as ITK's x, y, z.
template <class T>
std::array<T, 3> reversed(std::array<T, 3> values) {
  std::reverse(values.begin(), values.end());
  return values;
}

}  // namespace

void store_case(const fs::path& folder, const std::string& id, const PreprocessedCase& preprocessed) {
  const auto& data = preprocessed.data;
  write_npy<float>(folder / (id + ".npy"), data.shape, data.data);
  write_npy<std::int16_t>(folder / (id + "_seg.npy"), preprocessed.seg.shape, to_int16(preprocessed.seg));

  std::vector<std::int32_t> locations;
  Json counts = Json::object();
  for (const auto& [name, voxels] : preprocessed.class_locations) {
    counts[name] = voxels.size();
    for (const auto& voxel : voxels) locations.insert(locations.end(), voxel.begin() + 1, voxel.end());
  }
  const std::array<std::int64_t, 2> shape{static_cast<std::int64_t>(locations.size() / 3), 3};
  write_npy<std::int32_t>(folder / (id + "_locations.npy"), shape, locations);

  Json json = to_json(preprocessed.properties);
  json["class_locations"] = counts;
  write_json(folder / (id + ".json"), json);
}

void dump_case(const fs::path& folder, const std::string& id, const fs::path& npz) {
  const fs::path file = folder / (id + ".npy");
  if (!fs::exists(file))
    throw Error(fmt::format("{} is missing", file.string()),
                "run swin-umamba preprocess for the dataset first");
  const NpyFile data(file), seg(folder / (id + "_seg.npy"));
  const auto labels = seg.values<std::int16_t>();
  const bool wide = std::any_of(labels.begin(), labels.end(), [](std::int16_t label) { return label > 127; });
  const std::vector<std::int8_t> narrow(wide ? labels.end() : labels.begin(), labels.end());
  const std::array<NpzEntry, 2> entries{
      NpzEntry{"data", DType::f32, data.shape(), std::as_bytes(data.values<float>())},
      wide ? NpzEntry{"seg", DType::i16, seg.shape(), std::as_bytes(labels)}
           : NpzEntry{"seg", DType::i8, seg.shape(), std::as_bytes(std::span(narrow))}};
  write_npz(npz, entries);
}

Json to_json(const CaseProperties& properties) {
  const Geometry& geometry = properties.geometry;
  return {{"sitk_stuff",
           {{"spacing", reversed(geometry.spacing)},
            {"origin", geometry.origin},
            {"direction", geometry.direction}}},
          {"dimension", geometry.dimension},
          {"spacing", properties.spacing},
          {"shape_before_cropping", properties.shape_before_cropping},
          {"bbox_used_for_cropping", properties.bbox},
          {"shape_after_cropping_and_before_resampling", properties.shape_after_cropping}};
}

CaseProperties properties_from_json(const Json& json) {
  CaseProperties properties;
  properties.spacing = get<Vec3>(json, "spacing");
  properties.shape_before_cropping = get<Shape3>(json, "shape_before_cropping");
  properties.bbox = get<std::array<std::array<std::int64_t, 2>, 3>>(json, "bbox_used_for_cropping");
  properties.shape_after_cropping = get<Shape3>(json, "shape_after_cropping_and_before_resampling");
  Geometry& geometry = properties.geometry;
  geometry.spacing = properties.spacing;
  // nnU-Net stores no geometry for natural images, which are flat.
  geometry.dimension = get_or(json, "dimension", json.contains("sitk_stuff") ? 3 : 2);
  if (json.contains("sitk_stuff")) {
    const Json sitk = get<Json>(json, "sitk_stuff");
    geometry.spacing = reversed(get<Vec3>(sitk, "spacing"));
    geometry.origin = get<Vec3>(sitk, "origin");
    geometry.direction = get<std::array<double, 9>>(sitk, "direction");
  }
  return properties;
}

}  // namespace seg
