#include "engine/kernels.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/threads.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace seg::engine {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Never wider than a block; all channel counts are multiples of it but for a tail, done value by value.
using Values = hn::CappedTag<float, 16>;

constexpr double kEps = 1e-5;

/// Sum of f(vector, value) over a row: `on_vector` and `on_value` map a position to what is added.
template <class OnVector, class OnValue>
double sum_of(std::int64_t count, OnVector on_vector, OnValue on_value) {
  const Values d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  auto sum = hn::Zero(d);
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) sum = hn::Add(sum, on_vector(i));
  double total = hn::GetLane(hn::SumOfLanes(d, sum));
  for (; i < count; ++i) total += on_value(i);
  return total;
}

/// Mean, and 1 / standard deviation, of a row.
void moments(std::int64_t count, const float* x, float& mean, float& inverse) {
  const Values d;
  const auto n = static_cast<double>(count);
  mean = static_cast<float>(
      sum_of(
          count, [&](std::int64_t i) { return hn::LoadU(d, x + i); }, [&](std::int64_t i) { return x[i]; }) /
      n);
  const auto middle = hn::Set(d, mean);
  const double squares = sum_of(
      count,
      [&](std::int64_t i) {
        const auto away = hn::Sub(hn::LoadU(d, x + i), middle);
        return hn::Mul(away, away);
      },
      [&](std::int64_t i) { return (x[i] - mean) * (x[i] - mean); });
  inverse = static_cast<float>(1 / std::sqrt(squares / n + kEps));
}

void norm_row(const LayerNorm& norm, const float* x, const float* gate, float* y) {
  const Values d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  float mean = 0, inverse = 0;
  moments(norm.channels, x, mean, inverse);
  const auto middle = hn::Set(d, mean), scale = hn::Set(d, inverse);
  std::int64_t i = 0;
  for (; i + lanes <= norm.channels; i += lanes) {
    const auto unit = hn::Mul(hn::Sub(hn::LoadU(d, x + i), middle), scale);
    auto value = hn::MulAdd(unit, hn::LoadU(d, norm.weight + i), hn::LoadU(d, norm.bias + i));
    if (gate != nullptr) value = hn::Mul(value, hn::LoadU(d, gate + i));
    hn::StoreU(value, d, y + i);
  }
  for (; i < norm.channels; ++i) {
    const float value = (x[i] - mean) * inverse * norm.weight[i] + norm.bias[i];
    y[i] = gate != nullptr ? value * gate[i] : value;
  }
}

/// Means of a block's 16 channels over some pixels, `stride` values apart, and sums of squares about them.
void block_moments(std::int64_t pixels, const float* x, std::int64_t stride, float* mean, float* squares) {
  const Values d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto part = hn::Set(d, 1 / static_cast<float>(pixels));
  for (std::int64_t c = 0; c < kBlock; c += lanes) {
    auto sum = hn::Zero(d), more = hn::Zero(d);
    std::int64_t p = 0;
    for (; p + 2 <= pixels; p += 2) {
      sum = hn::Add(sum, hn::LoadU(d, x + p * stride + c));
      more = hn::Add(more, hn::LoadU(d, x + (p + 1) * stride + c));
    }
    if (p < pixels) sum = hn::Add(sum, hn::LoadU(d, x + p * stride + c));
    const auto middle = hn::Mul(hn::Add(sum, more), part);
    auto away = hn::Zero(d), further = hn::Zero(d);
    for (p = 0; p + 2 <= pixels; p += 2) {
      const auto first = hn::Sub(hn::LoadU(d, x + p * stride + c), middle);
      const auto second = hn::Sub(hn::LoadU(d, x + (p + 1) * stride + c), middle);
      away = hn::MulAdd(first, first, away);
      further = hn::MulAdd(second, second, further);
    }
    if (p < pixels) {
      const auto first = hn::Sub(hn::LoadU(d, x + p * stride + c), middle);
      away = hn::MulAdd(first, first, away);
    }
    hn::StoreU(middle, d, mean + c);
    hn::StoreU(hn::Add(away, further), d, squares + c);
  }
}

/// y = act(x * scale + shift + other * other_scale) for some pixels of a block, `stride` and `other_stride`
/// values apart; `other` may be null.
void apply_block(std::int64_t pixels, const float* x, std::int64_t stride, const float* scale,
                 const float* shift, const float* other, std::int64_t other_stride, const float* other_scale,
                 float slope, float* y) {
  const Values d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto leak = hn::Set(d, slope);
  for (std::int64_t c = 0; c < kBlock; c += lanes) {
    const auto a = hn::LoadU(d, scale + c), b = hn::LoadU(d, shift + c);
    const auto weight = hn::LoadU(d, other_scale + c);
    for (std::int64_t p = 0; p < pixels; ++p) {
      const std::int64_t at = p * stride + c;
      auto value = hn::MulAdd(hn::LoadU(d, x + at), a, b);
      if (other != nullptr) value = hn::MulAdd(hn::LoadU(d, other + p * other_stride + c), weight, value);
      hn::StoreU(hn::Max(value, hn::Mul(value, leak)), d, y + at);  // slope <= 1
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace seg::engine
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace seg::engine {
namespace {

HWY_EXPORT(norm_row);
HWY_EXPORT(block_moments);
HWY_EXPORT(apply_block);

constexpr std::int64_t kChunk = 1024;  // pixels of a block that are worked on together: 64 KiB
constexpr double kEps = 1e-5;

std::int64_t chunks_of(std::int64_t pixels) {
  return (pixels + kChunk - 1) / kChunk;
}

/// Some pixels of a block of channels of an image; they are counted image by image.
struct Chunk {
  std::int64_t image, block, first, count;
  std::int64_t offset(const Strides& strides) const {
    return image * strides.image + block * strides.block + first * strides.pixel;
  }
};

std::int64_t chunks_of(const MapsShape& shape) {
  return shape.images * (shape.channels / kBlock) * chunks_of(shape.pixels());
}

Chunk chunk_of(const MapsShape& shape, std::int64_t number) {
  const std::int64_t blocks = shape.channels / kBlock, chunks = chunks_of(shape.pixels());
  const std::int64_t first = number % chunks * kChunk;
  return {number / (chunks * blocks), number / chunks % blocks, first,
          std::min(kChunk, shape.pixels() - first)};
}

/// What every channel of every image is multiplied with and what is added then.
struct Affine {
  std::vector<float> scale, shift;
};

Affine instance_affine(const InstanceNorm& norm, const MapsShape& shape) {
  const std::int64_t chunks = chunks_of(shape.pixels());
  std::vector<float> means(static_cast<std::size_t>(chunks_of(shape) * kBlock)), squares(means.size());
  parallel_for(chunks_of(shape), [&](std::int64_t task) {
    const Chunk part = chunk_of(shape, task);
    HWY_DYNAMIC_DISPATCH(block_moments)
    (part.count, norm.x + part.offset(norm.strides), norm.strides.pixel, &means[task * kBlock],
     &squares[task * kBlock]);
  });
  Affine affine{std::vector<float>(static_cast<std::size_t>(shape.images * shape.channels)), {}};
  affine.shift.resize(affine.scale.size());
  for (std::int64_t channel = 0; channel < shape.images * shape.channels; ++channel) {
    // The chunks' moments joined one after the other (Chan, Golub and LeVeque).
    double count = 0, mean = 0, square = 0;
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
      const auto at =
          static_cast<std::size_t>(((channel / kBlock * chunks) + chunk) * kBlock + channel % kBlock);
      const auto here = static_cast<double>(std::min(kChunk, shape.pixels() - chunk * kChunk));
      const double distance = means[at] - mean;
      square += squares[at] + distance * distance * count * here / (count + here);
      mean += distance * here / (count + here);
      count += here;
    }
    const std::int64_t c = channel % shape.channels;
    const double scale = (norm.weight != nullptr ? norm.weight[c] : 1) / std::sqrt(square / count + kEps);
    const auto at = static_cast<std::size_t>(channel);
    affine.scale[at] = static_cast<float>(scale);
    affine.shift[at] = static_cast<float>((norm.bias != nullptr ? norm.bias[c] : 0) - mean * scale);
  }
  return affine;
}

}  // namespace

void layer_norm(const LayerNorm& norm, std::int64_t rows, const float* x, const float* gate, float* y) {
  constexpr std::int64_t kRows = 64;
  parallel_for((rows + kRows - 1) / kRows, [&](std::int64_t task) {
    for (std::int64_t row = task * kRows; row < std::min(rows, (task + 1) * kRows); ++row) {
      const std::int64_t at = row * norm.channels;
      HWY_DYNAMIC_DISPATCH(norm_row)(norm, x + at, gate != nullptr ? gate + at : nullptr, y + at);
    }
  });
}

void merge_and_norm(const LayerNorm& norm, std::int64_t height, std::int64_t width, const float* x,
                    float* y) {
  const std::int64_t channels = norm.channels / 4, columns = width / 2;
  parallel_for(height / 2, [&](std::int64_t row) {
    for (std::int64_t column = 0; column < columns; ++column) {
      float* out = y + (row * columns + column) * norm.channels;
      for (std::int64_t part = 0; part < 4; ++part) {
        const float* from = x + ((2 * row + part % 2) * width + 2 * column + part / 2) * channels;
        std::copy_n(from, channels, out + part * channels);
      }
      HWY_DYNAMIC_DISPATCH(norm_row)(norm, out, nullptr, out);
    }
  });
}

void expand_and_norm(const LayerNorm& norm, std::int64_t height, std::int64_t width, std::int64_t factor,
                     const float* x, float* y) {
  parallel_for(height * factor, [&](std::int64_t row) {
    const std::int64_t from_row = row / factor, dy = row % factor;
    for (std::int64_t column = 0; column < width * factor; ++column) {
      const std::int64_t pixel = from_row * width + column / factor;
      const float* from = x + ((pixel * factor + dy) * factor + column % factor) * norm.channels;
      HWY_DYNAMIC_DISPATCH(norm_row)
      (norm, from, nullptr, y + (row * width * factor + column) * norm.channels);
    }
  });
}

void instance_norm(const InstanceNorm& norm, const Residual* other, const MapsShape& shape, float slope,
                   float* y) {
  Affine own = instance_affine(norm, shape);
  Affine second{std::vector<float>(own.scale.size(), 1), {}};
  if (other != nullptr && !other->plain) {
    second = instance_affine(other->map, shape);
    for (std::size_t c = 0; c < own.shift.size(); ++c) own.shift[c] += second.shift[c];
  }
  parallel_for(chunks_of(shape), [&](std::int64_t task) {
    const Chunk part = chunk_of(shape, task);
    const std::int64_t at = part.offset(norm.strides),
                       channel = part.image * shape.channels + part.block * kBlock;
    const float* values = other != nullptr ? other->map.x + part.offset(other->map.strides) : nullptr;
    HWY_DYNAMIC_DISPATCH(apply_block)
    (part.count, norm.x + at, norm.strides.pixel, &own.scale[channel], &own.shift[channel], values,
     other != nullptr ? other->map.strides.pixel : 0, &second.scale[channel], slope, y + at);
  });
}

void upsample(const Upsampling& to, const MapsShape& shape, const float* x, float* y) {
  const std::int64_t rows = shape.channels / kBlock * shape.height;  // of an image's blocks
  parallel_for(shape.images * rows, [&](std::int64_t task) {
    const std::int64_t image = task / rows, block = task % rows / shape.height, at = task % shape.height;
    const float* row =
        x + image * to.strides.image + block * to.strides.block + at * shape.width * to.strides.pixel;
    float* out = y + image * to.image + task % rows * to.rows * to.columns * shape.width * kBlock;
    for (std::int64_t dy = 0; dy < to.rows; ++dy, row += to.columns * to.part) {
      for (std::int64_t pixel = 0; pixel < shape.width; ++pixel) {
        for (std::int64_t dx = 0; dx < to.columns; ++dx, out += kBlock)
          std::memcpy(out, row + pixel * to.strides.pixel + dx * to.part, kBlock * sizeof(float));
      }
    }
  });
}

namespace {

/// Calls f(image, row, column, out) for every patch of some images.
template <class F>
void for_patches(const MapsShape& shape, std::int64_t patch, float* y, F f) {
  const std::int64_t rows = shape.height / patch, columns = shape.width / patch;
  parallel_for(shape.images * rows, [&](std::int64_t task) {
    for (std::int64_t column = 0; column < columns; ++column) {
      f(task / rows, task % rows * patch, column * patch,
        y + (task * columns + column) * shape.channels * patch * patch);
    }
  });
}

}  // namespace

void gather_patches_planar(const MapsShape& shape, std::int64_t patch, const float* x, float* y) {
  for_patches(shape, patch, y, [&](std::int64_t image, std::int64_t row, std::int64_t column, float* out) {
    for (std::int64_t c = 0; c < shape.channels; ++c) {
      const float* plane = x + (image * shape.channels + c) * shape.pixels();
      for (std::int64_t dy = 0; dy < patch; ++dy, out += patch)
        std::copy_n(plane + (row + dy) * shape.width + column, patch, out);
    }
  });
}

void gather_patches_blocked(const MapsShape& shape, std::int64_t patch, const float* x, float* y) {
  const std::int64_t blocks = ceil_div(shape.channels, kBlock);
  for_patches(shape, patch, y, [&](std::int64_t image, std::int64_t row, std::int64_t column, float* out) {
    for (std::int64_t c = 0; c < shape.channels; ++c) {
      const float* block = x + (image * blocks + c / kBlock) * shape.pixels() * kBlock + c % kBlock;
      for (std::int64_t dy = 0; dy < patch; ++dy) {
        const std::int64_t first = (row + dy) * shape.width + column;
        for (std::int64_t dx = 0; dx < patch; ++dx) *out++ = block[(first + dx) * kBlock];
      }
    }
  });
}

}  // namespace seg::engine
#endif  // HWY_ONCE
