#include "data/picture_augment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace seg {
namespace {

constexpr double kSmallestCrop = 0.08, kSmallestCentredCrop = 0.25;  // of the area
constexpr double kWidest = 4.0 / 3;                                  // width to height, and the reverse
constexpr int kAttempts = 10;
constexpr double kCentreShare = 224.0 / 256;
constexpr double kJitter = 0.4;
constexpr float kBrightest = 255;
constexpr std::array<float, 3> kMean{0.485f, 0.456f, 0.406f}, kDeviation{0.229f, 0.224f, 0.225f};
constexpr std::array<float, 3> kGrey{0.299f, 0.587f, 0.114f};  // luma of red, green, blue

/// The pixels that one pixel of the result is made of.
struct Taps {
  std::int64_t first = 0;
  std::vector<float> weights;
};

std::vector<Taps> triangle_taps(double start, double length, std::int64_t count, std::int64_t limit) {
  const double step = length / static_cast<double>(count), reach = std::max(1.0, step);
  std::vector<Taps> taps;
  for (std::int64_t i = 0; i < count; ++i) {
    const double centre = start + (static_cast<double>(i) + 0.5) * step;
    const auto low = std::clamp<std::int64_t>(std::llround(std::floor(centre - reach)), 0, limit - 1);
    const auto high = std::clamp<std::int64_t>(std::llround(std::ceil(centre + reach)), low + 1, limit);
    Taps tap{low, {}};
    double sum = 0;
    for (std::int64_t j = low; j < high; ++j) {
      const double weight = std::max(0.0, 1 - std::abs(static_cast<double>(j) + 0.5 - centre) / reach);
      tap.weights.push_back(static_cast<float>(weight));
      sum += weight;
    }
    for (float& weight : tap.weights) weight /= static_cast<float>(sum);
    taps.push_back(std::move(tap));
  }
  return taps;
}

void flip_sideways(Image& image) {
  const auto width = image.shape[3];
  for (auto row = image.data.begin(); row != image.data.end(); row += width) std::reverse(row, row + width);
}

/// value * factor + (1 - factor) * anchor, within 0..255.
float blend(float value, float anchor, float factor) {
  return std::clamp(anchor + factor * (value - anchor), 0.0f, kBrightest);
}

std::vector<float> grey_of(const Image& image) {
  std::vector<float> grey(static_cast<std::size_t>(image.voxels()), 0);
  for (std::int64_t c = 0; c < 3; ++c) {
    const auto values = image.channel(c);
    for (std::size_t i = 0; i < grey.size(); ++i) grey[i] += kGrey[static_cast<std::size_t>(c)] * values[i];
  }
  return grey;
}

}  // namespace

Image resize_crop(const Image& image, const CropBox& box, Size2 size) {
  const auto rows = triangle_taps(box.top, box.height, size[0], image.shape[2]);
  const auto columns = triangle_taps(box.left, box.width, size[1], image.shape[3]);
  const std::int64_t first = rows.front().first,
                     last = rows.back().first + static_cast<std::int64_t>(rows.back().weights.size());
  Image narrow({image.channels(), 1, last - first, size[1]}), result({image.channels(), 1, size[0], size[1]});
  for (std::int64_t c = 0; c < image.channels(); ++c) {
    for (std::int64_t y = first; y < last; ++y) {
      const float* row = &image.at(c, 0, y, 0);
      float* out = &narrow.at(c, 0, y - first, 0);
      for (const Taps& tap : columns)
        *out++ = std::inner_product(tap.weights.begin(), tap.weights.end(), row + tap.first, 0.0f);
    }
    for (std::int64_t y = 0; y < size[0]; ++y) {
      const Taps& tap = rows[static_cast<std::size_t>(y)];
      float* out = &result.at(c, 0, y, 0);
      for (std::size_t k = 0; k < tap.weights.size(); ++k) {
        const float* row = &narrow.at(c, 0, tap.first - first + static_cast<std::int64_t>(k), 0);
        for (std::int64_t x = 0; x < size[1]; ++x) out[x] += tap.weights[k] * row[x];
      }
    }
  }
  return result;
}

CropBox random_crop(std::int64_t height, std::int64_t width, bool centred, Rng& rng) {
  const auto h = static_cast<double>(height), w = static_cast<double>(width);
  for (int i = 0; i < kAttempts; ++i) {
    const double area = h * w * rng.uniform(centred ? kSmallestCentredCrop : kSmallestCrop, 1);
    const double ratio = std::exp(rng.uniform(-std::log(kWidest), std::log(kWidest)));
    CropBox box{0, 0, std::round(std::sqrt(area / ratio)), std::round(std::sqrt(area * ratio))};
    if (box.height < 1 || box.width < 1 || box.height > h || box.width > w) continue;
    const double down = h - box.height, right = w - box.width;
    box.top = centred ? down / 2 : static_cast<double>(rng.below(std::llround(down) + 1));
    box.left = centred ? right / 2 : static_cast<double>(rng.below(std::llround(right) + 1));
    return box;
  }
  // A very oblong picture: the largest allowed box in its middle.
  const double crop_h = std::min(h, w * kWidest), crop_w = std::min(w, h * kWidest);
  return {(h - crop_h) / 2, (w - crop_w) / 2, crop_h, crop_w};
}

CropBox centre_crop(std::int64_t height, std::int64_t width) {
  const auto h = static_cast<double>(height), w = static_cast<double>(width);
  const double side = std::min(h, w) * kCentreShare;
  return {(h - side) / 2, (w - side) / 2, side, side};
}

void jitter_colours(Image& image, double strength, Rng& rng) {
  const auto factor = [&] { return static_cast<float>(rng.uniform(1 - strength, 1 + strength)); };
  const float brightness = factor(), contrast = factor(), saturation = factor();
  for (float& value : image.data) value = blend(value, 0, brightness);
  auto grey = grey_of(image);
  const double sum = std::accumulate(grey.begin(), grey.end(), 0.0);
  const auto mean = static_cast<float>(sum / static_cast<double>(grey.size()));
  for (float& value : image.data) value = blend(value, mean, contrast);
  grey = grey_of(image);
  for (std::int64_t c = 0; c < 3; ++c) {
    const auto values = image.channel(c);
    for (std::size_t i = 0; i < grey.size(); ++i) values[i] = blend(values[i], grey[i], saturation);
  }
}

void normalise_picture(Image& image) {
  for (std::size_t c = 0; c < 3; ++c) {
    for (float& value : image.channel(static_cast<std::int64_t>(c)))
      value = (value / kBrightest - kMean[c]) / kDeviation[c];
  }
}

Image training_picture(const Image& image, std::int64_t size, bool centred, Rng& rng) {
  const CropBox box = random_crop(image.shape[2], image.shape[3], centred, rng);
  Image picture = resize_crop(image, box, {size, size});
  if (rng.chance(0.5)) flip_sideways(picture);
  jitter_colours(picture, kJitter, rng);
  normalise_picture(picture);
  return picture;
}

Image evaluation_picture(const Image& image, std::int64_t size) {
  Image picture = resize_crop(image, centre_crop(image.shape[2], image.shape[3]), {size, size});
  normalise_picture(picture);
  return picture;
}

}  // namespace seg
