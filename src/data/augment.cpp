#include "data/augment.h"

#include <algorithm>
#include <cmath>

#include "data/intensity_transforms.h"
#include "data/spatial_transform.h"

namespace seg {
namespace {

double draw(const Range& range, Rng& rng) {
  return rng.uniform(range.low, range.high);
}

/// Draws from the part of `range` below 1 or from the part above, half each.
double draw_around_one(const Range& range, Rng& rng) {
  return rng.chance(0.5) ? rng.uniform(range.low, 1.0) : rng.uniform(1.0, range.high);
}

Patch augment_geometry(const Patch& crop, Size2 size, const AugmentationParameters& p, Rng& rng) {
  const bool rotate = rng.chance(p.p_rotation), scale = rng.chance(p.p_scaling);
  if (!rotate && !scale) return center_crop(crop, size);
  const double angle = rotate ? rng.uniform(-p.max_rotation, p.max_rotation) : 0.0;
  return rotate_and_scale(crop, angle, scale ? draw_around_one(p.scaling, rng) : 1.0, size);
}

/// Calls `change(plane)` for every channel, or for each with a probability.
template <class Change>
void for_channels(Patch& patch, double p_channel, Rng& rng, Change&& change) {
  for (std::int64_t c = 0; c < patch.channels; ++c) {
    if (p_channel >= 1.0 || rng.chance(p_channel)) change(patch.plane(c));
  }
}

}  // namespace

Patch augment(const Patch& crop, Size2 size, const AugmentationParameters& p, Rng& rng) {
  Patch patch = augment_geometry(crop, size, p, rng);
  using Plane = std::span<float>;
  if (rng.chance(p.p_noise)) add_noise(patch.data, draw(p.noise, rng), rng);
  if (rng.chance(p.p_blur)) {
    for_channels(patch, p.p_channel, rng, [&](Plane plane) { blur(plane, size, draw(p.blur_sigma, rng)); });
  }
  if (rng.chance(p.p_brightness)) {
    for_channels(patch, 1, rng, [&](Plane plane) { multiply(plane, draw(p.brightness, rng)); });
  }
  if (rng.chance(p.p_contrast)) {
    for_channels(patch, 1, rng,
                 [&](Plane plane) { change_contrast(plane, draw_around_one(p.contrast, rng)); });
  }
  if (rng.chance(p.p_low_resolution)) {
    for_channels(patch, p.p_channel, rng,
                 [&](Plane plane) { lower_resolution(plane, size, draw(p.zoom, rng)); });
  }
  if (rng.chance(p.p_gamma_inverted)) {
    for_channels(patch, 1, rng,
                 [&](Plane plane) { change_gamma(plane, draw_around_one(p.gamma, rng), true); });
  }
  if (rng.chance(p.p_gamma)) {
    for_channels(patch, 1, rng,
                 [&](Plane plane) { change_gamma(plane, draw_around_one(p.gamma, rng), false); });
  }
  const bool along_y = rng.chance(p.p_mirror), along_x = rng.chance(p.p_mirror);
  mirror(patch, along_y, along_x);
  return patch;
}

void mask_outside(Patch& patch, const std::vector<bool>& use_mask) {
  for (std::int64_t c = 0; c < patch.channels; ++c) {
    if (!use_mask.at(static_cast<std::size_t>(c))) continue;
    const auto plane = patch.plane(c);
    for (std::size_t i = 0; i < plane.size(); ++i) {
      if (patch.seg[i] < 0) plane[i] = 0.0f;
    }
  }
}

TargetRule TargetRule::from(const DatasetInfo& info) {
  TargetRule rule;
  if (!info.has_regions()) return rule;
  for (const auto& region : info.foreground())
    rule.regions.emplace_back(region.values.begin(), region.values.end());
  if (const auto ignore = info.ignore_label()) rule.regions.push_back({static_cast<std::int16_t>(*ignore)});
  return rule;
}

Size2 target_size(Size2 size, const std::array<double, 2>& scale) {
  return {std::llrint(static_cast<double>(size[0]) * scale[0]),
          std::llrint(static_cast<double>(size[1]) * scale[1])};
}

void write_target(const Patch& patch, const TargetRule& rule, Size2 target, std::int16_t* out) {
  const auto [height, width] = target;
  std::vector<std::int64_t> columns(static_cast<std::size_t>(width));
  for (std::int64_t x = 0; x < width; ++x) {
    columns[static_cast<std::size_t>(x)] = nearest_index(x, patch.width, width);
  }
  std::vector<std::int16_t> labels;
  labels.reserve(static_cast<std::size_t>(height * width));
  for (std::int64_t y = 0; y < height; ++y) {
    const std::int16_t* row = patch.seg.data() + nearest_index(y, patch.height, height) * patch.width;
    for (const std::int64_t x : columns) labels.push_back(std::max<std::int16_t>(0, row[x]));
  }
  if (rule.regions.empty()) {
    std::copy(labels.begin(), labels.end(), out);
    return;
  }
  for (const auto& values : rule.regions) {
    out = std::transform(labels.begin(), labels.end(), out, [&](std::int16_t label) {
      return static_cast<std::int16_t>(std::find(values.begin(), values.end(), label) != values.end());
    });
  }
}

}  // namespace seg
