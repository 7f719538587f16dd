// Changes of the grey values of one channel of a patch. Each takes its parameters; augment() draws them.
#pragma once
#include <span>

#include "base/rng.h"
#include "data/patch.h"

namespace seg {

/// Adds normal noise.
void add_noise(std::span<float> values, double standard_deviation, Rng& rng);

/// Gaussian blur of a plane [size]; the kernel ends at 4 sigma, the border is reflected (d c b a | a b c d).
void blur(std::span<float> plane, Size2 size, double sigma);

void multiply(std::span<float> values, double factor);

/// Moves values away from (factor > 1) or towards their mean, clipped to their old range.
void change_contrast(std::span<float> values, double factor);

/// Shrinks a plane by `zoom` in (0, 1] (nearest) and enlarges it again (cubic), as if scanned at a lower
/// resolution.
void lower_resolution(std::span<float> plane, Size2 size, double zoom);

/// Raises the values, mapped to [0, 1], to the power `gamma`; mean and standard deviation stay. `invert` does
/// it on the negative image.
void change_gamma(std::span<float> values, double gamma, bool invert);

}  // namespace seg
