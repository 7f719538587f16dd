// What happens to a picture between its file and a classifier: crops, colours, normalisation.
#pragma once
#include "base/rng.h"
#include "data/patch.h"
#include "image/volume.h"

namespace seg {

/// A part of a picture, in pixels of it.
struct CropBox {
  double top = 0, left = 0, height = 0, width = 0;
};

/// The box resized to `size`, each pixel a mean weighted by a triangle as wide as a pixel of the result (or
/// of the picture, where that is larger), so that nothing aliases. image [c, 1, y, x] -> [c, 1, size].
Image resize_crop(const Image& image, const CropBox& box, Size2 size);

/// A box of 8 to 100 % of the area and 3:4 to 4:3 wide, anywhere (Inception's crop). `centred`: around the
/// centre, with 25 % of the area at least.
CropBox random_crop(std::int64_t height, std::int64_t width, bool centred, Rng& rng);

/// The square in the middle that has 224/256 of the shorter side.
CropBox centre_crop(std::int64_t height, std::int64_t width);

/// Multiplies brightness, contrast (around the mean grey) and saturation of a picture [3, 1, y, x] by factors
/// in 1 +- `strength`, in this order; values stay in 0..255.
void jitter_colours(Image& image, double strength, Rng& rng);

/// 0..255 to ImageNet's mean 0 and deviation 1, by channel.
void normalise_picture(Image& image);

/// A picture for training: random crop, flipped left to right by half, colours jittered by 0.4, normalised.
Image training_picture(const Image& image, std::int64_t size, bool centred, Rng& rng);

/// A picture for evaluation: centre crop, normalised.
Image evaluation_picture(const Image& image, std::int64_t size);

}  // namespace seg
