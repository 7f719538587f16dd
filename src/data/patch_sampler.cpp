#include "data/patch_sampler.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/json.h"
#include "data/class_locations.h"

namespace seg {
namespace {

// A patch more oblong than this is rotated by a few degrees only.
constexpr double kMaxAspectForFullRotation = 1.5;
constexpr double kSmallRotation = 15.0 / 180.0 * std::numbers::pi;
// The crop leaves room for this much zooming out; the augmentation may draw more and then meets the border.
constexpr double kInitialPatchZoom = 0.85;

std::int64_t floor_half(std::int64_t value) {
  return value >= 0 ? value / 2 : -((-value + 1) / 2);
}

std::span<const std::int32_t> draw_row(std::span<const std::int32_t> locations, const LocationRows& rows,
                                       Rng& rng) {
  const std::int64_t row = rows.begin + rng.below(rows.count());
  return locations.subspan(static_cast<std::size_t>(row * 3), 3);
}

std::span<const std::int32_t> draw_row_of_slice(std::span<const std::int32_t> locations,
                                                const LocationRows& rows, std::int32_t slice, Rng& rng) {
  const auto all =
      locations.subspan(static_cast<std::size_t>(rows.begin * 3), static_cast<std::size_t>(rows.count() * 3));
  std::int64_t matches = 0;
  for (std::size_t i = 0; i < all.size(); i += 3) matches += all[i] == slice;
  std::int64_t left = rng.below(matches);
  std::size_t i = 0;
  while (all[i] != slice || left-- > 0) i += 3;
  return all.subspan(i, 3);
}

}  // namespace

double rotation_limit(Size2 patch_size) {
  const auto [low, high] = std::minmax(patch_size[0], patch_size[1]);
  const double aspect = static_cast<double>(high) / static_cast<double>(low);
  return aspect > kMaxAspectForFullRotation ? kSmallRotation : std::numbers::pi;
}

Size2 initial_patch_size(Size2 patch_size) {
  // One sense of the rotation only, as the reference has it: a tall patch gets a taller crop than a wide
  // patch a wide one.
  const double angle = std::min(rotation_limit(patch_size), std::numbers::pi / 2);
  const auto y = static_cast<double>(patch_size[0]), x = static_cast<double>(patch_size[1]);
  const double rotated_y = std::abs(std::cos(angle) * y + std::sin(angle) * x);
  const double rotated_x = std::abs(std::cos(angle) * x - std::sin(angle) * y);
  return {static_cast<std::int64_t>(std::max(y, rotated_y) / kInitialPatchZoom),
          static_cast<std::int64_t>(std::max(x, rotated_x) / kInitialPatchZoom)};
}

bool is_foreground_forced(std::int64_t index, std::int64_t batch_size, double foreground_share) {
  return index >= std::llrint(static_cast<double>(batch_size) * (1.0 - foreground_share));
}

CornerRange corner_range(std::int64_t size, std::int64_t crop, std::int64_t final_size) {
  const std::int64_t need = std::max(crop - final_size, crop - size);
  return {floor_half(-need), size + floor_half(need) + (need & 1) - crop};
}

std::int64_t corner_around(std::int64_t voxel, std::int64_t crop, const CornerRange& range) {
  return std::max(range.low, voxel - crop / 2);
}

StoredCase::StoredCase(const fs::path& folder, const std::string& id)
    : data_(folder / (id + ".npy")),
      seg_(folder / (id + "_seg.npy")),
      locations_(folder / (id + "_locations.npy")) {
  const auto& shape = data_.shape();
  if (shape.size() != 4 || data_.header().count() == 0) {
    fail("{}: expected data [c, z, y, x], got [{}]", (folder / (id + ".npy")).string(),
         fmt::join(shape, ", "));
  }
  std::copy(shape.begin(), shape.end(), shape_.begin());
  if (const auto& of_seg = seg_.shape();
      of_seg != std::vector<std::int64_t>{1, shape[1], shape[2], shape[3]}) {
    fail("{}: expected [1, {}, {}, {}], the size of the data, got [{}]",
         (folder / (id + "_seg.npy")).string(), shape[1], shape[2], shape[3], fmt::join(of_seg, ", "));
  }
  if (const auto& rows = locations_.shape(); rows.size() != 2 || rows[1] != 3) {
    fail("{}: expected class locations [n, 3], got [{}]", (folder / (id + "_locations.npy")).string(),
         fmt::join(rows, ", "));
  }
}

CaseEntry read_case_entry(const fs::path& folder, const std::string& id, const DatasetInfo& info) {
  const StoredCase stored(folder, id);
  std::vector<std::string> foreground;
  for (const auto& label : info.foreground()) foreground.push_back(location_key(label.values));
  const std::string labelled = info.ignore_label() ? location_key(labelled_values(info)) : "";

  CaseEntry entry{id, {}, {}};
  const fs::path file = folder / (id + ".json");
  with_context(file.string(), [&] {
    std::int64_t begin = 0;
    const Json counts = get<Json>(read_json(file), "class_locations");
    for (const auto& [key, count] : counts.items()) {
      if (!count.is_number_integer() || count.get<std::int64_t>() < 0)
        fail("class \"{}\": expected a count", key);
      const LocationRows rows{begin, begin + count.get<std::int64_t>()};
      begin = rows.end;
      if (rows.count() == 0) continue;
      if (std::find(foreground.begin(), foreground.end(), key) != foreground.end()) {
        entry.classes.push_back(rows);
      } else if (key == labelled) {
        entry.labelled = rows;
      } else {
        fail("class \"{}\" is not in dataset.json, whose classes are {}", key, fmt::join(foreground, ", "));
      }
    }
    if (const auto stored_rows = static_cast<std::int64_t>(stored.locations().size() / 3);
        begin != stored_rows) {
      fail("its class_locations count {} voxels, but {}_locations.npy holds {}", begin, id, stored_rows);
    }
  });
  return entry;
}

PatchPosition draw_position(const StoredCase& stored, const CaseEntry& entry, bool foreground, Size2 crop,
                            Size2 final_size, Rng& rng) {
  const auto& shape = stored.shape();
  const auto range_y = corner_range(shape[2], crop[0], final_size[0]);
  const auto range_x = corner_range(shape[3], crop[1], final_size[1]);

  LocationRows rows = entry.labelled;
  if (foreground && !entry.classes.empty()) {
    rows =
        entry.classes[static_cast<std::size_t>(rng.below(static_cast<std::int64_t>(entry.classes.size())))];
  }
  if (rows.count() == 0) {
    return {rng.below(shape[1]), range_y.low + rng.below(range_y.high - range_y.low + 1),
            range_x.low + rng.below(range_x.high - range_x.low + 1)};
  }
  // The slice comes from one voxel and the centre from another, so large slices are drawn more often.
  const auto locations = stored.locations();
  const std::int32_t slice = draw_row(locations, rows, rng)[0];
  const auto voxel = draw_row_of_slice(locations, rows, slice, rng);
  if (slice < 0 || slice >= shape[1]) fail("{}: class location in slice {} of {}", entry.id, slice, shape[1]);
  return {slice, corner_around(voxel[1], crop[0], range_y), corner_around(voxel[2], crop[1], range_x)};
}

Patch cut_patch(const StoredCase& stored, const PatchPosition& position, Size2 crop) {
  const auto& [channels, depth, height, width] = stored.shape();
  Patch patch(channels, crop, -1);
  const std::int64_t first_y = std::max<std::int64_t>(0, -position.y);
  const std::int64_t last_y = std::min(crop[0], height - position.y);
  const std::int64_t first_x = std::max<std::int64_t>(0, -position.x);
  const std::int64_t count = std::min(crop[1], width - position.x) - first_x;
  if (count <= 0) return patch;

  const float* data = stored.data().data();
  const std::int16_t* seg = stored.seg().data();
  for (std::int64_t y = first_y; y < last_y; ++y) {
    const std::int64_t source = (position.z * height + position.y + y) * width + position.x + first_x;
    const std::int64_t target = y * crop[1] + first_x;
    for (std::int64_t c = 0; c < channels; ++c) {
      std::copy_n(data + c * depth * height * width + source, count, patch.plane(c).data() + target);
    }
    std::copy_n(seg + source, count, patch.seg.data() + target);
  }
  return patch;
}

}  // namespace seg
