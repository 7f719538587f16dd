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

/// What every channel is multiplied with and what is added then.
struct Affine {
  std::vector<float> scale, shift;
};

Affine instance_affine(const InstanceNorm& norm, std::int64_t channels, std::int64_t pixels) {
  const std::int64_t blocks = channels / kBlock, chunks = chunks_of(pixels);
  std::vector<float> means(static_cast<std::size_t>(blocks * chunks * kBlock)), squares(means.size());
  parallel_for(blocks * chunks, [&](std::int64_t task) {
    const std::int64_t block = task / chunks, first = task % chunks * kChunk;
    HWY_DYNAMIC_DISPATCH(block_moments)
    (std::min(kChunk, pixels - first), norm.x + block * norm.strides.block + first * norm.strides.pixel,
     norm.strides.pixel, &means[task * kBlock], &squares[task * kBlock]);
  });
  Affine affine{std::vector<float>(static_cast<std::size_t>(channels)), {}};
  affine.shift.resize(affine.scale.size());
  for (std::int64_t channel = 0; channel < channels; ++channel) {
    // The chunks' moments joined one after the other (Chan, Golub and LeVeque).
    double count = 0, mean = 0, square = 0;
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
      const auto at =
          static_cast<std::size_t>(((channel / kBlock * chunks) + chunk) * kBlock + channel % kBlock);
      const auto here = static_cast<double>(std::min(kChunk, pixels - chunk * kChunk));
      const double distance = means[at] - mean;
      square += squares[at] + distance * distance * count * here / (count + here);
      mean += distance * here / (count + here);
      count += here;
    }
    const auto c = static_cast<std::size_t>(channel);
    const double scale = (norm.weight != nullptr ? norm.weight[c] : 1) / std::sqrt(square / count + kEps);
    affine.scale[c] = static_cast<float>(scale);
    affine.shift[c] = static_cast<float>((norm.bias != nullptr ? norm.bias[c] : 0) - mean * scale);
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

void instance_norm(const InstanceNorm& norm, const Residual* other, std::int64_t channels,
                   std::int64_t pixels, float slope, float* y) {
  Affine own = instance_affine(norm, channels, pixels);
  Affine second{std::vector<float>(static_cast<std::size_t>(channels), 1), {}};
  if (other != nullptr && !other->plain) {
    second = instance_affine(other->map, channels, pixels);
    for (std::size_t c = 0; c < own.shift.size(); ++c) own.shift[c] += second.shift[c];
  }
  const Strides strides = norm.strides, others = other != nullptr ? other->map.strides : Strides();
  const std::int64_t chunks = chunks_of(pixels);
  parallel_for(channels / kBlock * chunks, [&](std::int64_t task) {
    const std::int64_t block = task / chunks, first = task % chunks * kChunk, channel = block * kBlock;
    const std::int64_t at = block * strides.block + first * strides.pixel;
    const float* values =
        other != nullptr ? other->map.x + block * others.block + first * others.pixel : nullptr;
    HWY_DYNAMIC_DISPATCH(apply_block)
    (std::min(kChunk, pixels - first), norm.x + at, strides.pixel, &own.scale[channel], &own.shift[channel],
     values, others.pixel, &second.scale[channel], slope, y + at);
  });
}

void upsample(const Upsampling& to, std::int64_t channels, std::int64_t height, std::int64_t width,
              const float* x, float* y) {
  parallel_for(channels / kBlock * height, [&](std::int64_t task) {  // a row of a block
    const float* row = x + task / height * to.strides.block + task % height * width * to.strides.pixel;
    float* out = y + task * to.rows * to.columns * width * kBlock;
    for (std::int64_t dy = 0; dy < to.rows; ++dy, row += to.columns * to.part) {
      for (std::int64_t pixel = 0; pixel < width; ++pixel) {
        for (std::int64_t dx = 0; dx < to.columns; ++dx, out += kBlock)
          std::memcpy(out, row + pixel * to.strides.pixel + dx * to.part, kBlock * sizeof(float));
      }
    }
  });
}

void gather_patches_planar(std::int64_t channels, std::int64_t height, std::int64_t width, std::int64_t patch,
                           const float* x, float* y) {
  const std::int64_t columns = width / patch, row_size = channels * patch * patch;
  parallel_for(height / patch, [&](std::int64_t row) {
    for (std::int64_t column = 0; column < columns; ++column) {
      float* out = y + (row * columns + column) * row_size;
      for (std::int64_t c = 0; c < channels; ++c) {
        for (std::int64_t dy = 0; dy < patch; ++dy, out += patch) {
          std::copy_n(x + (c * height + row * patch + dy) * width + column * patch, patch, out);
        }
      }
    }
  });
}

void gather_patches_blocked(std::int64_t channels, std::int64_t height, std::int64_t width,
                            std::int64_t patch, const float* x, float* y) {
  const std::int64_t columns = width / patch, row_size = channels * patch * patch;
  parallel_for(height / patch, [&](std::int64_t row) {
    for (std::int64_t column = 0; column < columns; ++column) {
      float* out = y + (row * columns + column) * row_size;
      for (std::int64_t c = 0; c < channels; ++c) {
        const float* block = x + c / kBlock * height * width * kBlock + c % kBlock;
        for (std::int64_t dy = 0; dy < patch; ++dy) {
          const std::int64_t first = (row * patch + dy) * width + column * patch;
          for (std::int64_t dx = 0; dx < patch; ++dx) *out++ = block[(first + dx) * kBlock];
        }
      }
    }
  });
}

}  // namespace seg::engine
#endif  // HWY_ONCE
