// Training augmentation of 2-D patches: nnU-Net's table of transforms, and the targets made from the result.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "base/rng.h"
#include "data/dataset.h"
#include "data/patch.h"

namespace seg {

struct Range {
  double low = 0, high = 0;
};

/// Probabilities are per sample. A range around 1 is drawn from its lower or its upper part, half each.
struct AugmentationParameters {
  double p_rotation = 0.2;
  double max_rotation = 0;  ///< radians, both senses; see rotation_limit
  double p_scaling = 0.2;
  Range scaling{0.7, 1.4};  ///< > 1 zooms out
  double p_noise = 0.1;
  Range noise{0, 0.1};  ///< standard deviation, one for all channels
  double p_blur = 0.2;
  Range blur_sigma{0.5, 1};
  double p_brightness = 0.15;
  Range brightness{0.75, 1.25};
  double p_contrast = 0.15;
  Range contrast{0.75, 1.25};
  double p_low_resolution = 0.25;
  Range zoom{0.5, 1};
  double p_channel = 0.5;  ///< of blur and of low resolution, per channel
  double p_gamma_inverted = 0.1, p_gamma = 0.3;
  Range gamma{0.7, 1.5};
  double p_mirror = 0.5;  ///< per axis
};

/// Rotation, scaling, noise, blur, brightness, contrast, low resolution, gamma and mirroring of a crop of
/// initial_patch_size; the result has `size`.
Patch augment(const Patch& crop, Size2 size, const AugmentationParameters& parameters, Rng& rng);

/// Sets the data of the channels with `use_mask` to 0 where seg is -1.
void mask_outside(Patch& patch, const std::vector<bool>& use_mask);

/// How labels become training targets.
struct TargetRule {
  std::vector<std::vector<std::int16_t>> regions;  ///< values of each channel; empty: class indices

  /// Regions of dataset.json with the ignore label as the last one; empty for plain classes.
  static TargetRule from(const DatasetInfo& info);
  std::int64_t channels() const { return regions.empty() ? 1 : static_cast<std::int64_t>(regions.size()); }
};

/// Size of the deep-supervision target of `size` at `scale` per axis: round half to even.
Size2 target_size(Size2 size, const std::array<double, 2>& scale);

/// Writes the target of one patch: [rule.channels(), target] class indices (the ignore label keeps its value)
/// or one binary channel per region. -1 counts as background; nearest neighbours.
void write_target(const Patch& patch, const TargetRule& rule, Size2 target, std::int16_t* out);

}  // namespace seg
