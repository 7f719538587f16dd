#include "engine/winograd.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <utility>

#include "base/threads.h"
#include "engine/graph.h"
#include "engine/winograd_task.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/winograd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace seg::engine {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Lane = hn::CappedTag<float, 16>;
using Vector = hn::Vec<Lane>;
constexpr std::int64_t kWidth = static_cast<std::int64_t>(hn::MaxLanes(Lane()));
// Accumulators that fit into the registers: 24 of 32 with AVX-512 and NEON, 10 of 16 elsewhere.
constexpr int kRegisters = HWY_TARGET == HWY_SSE4 || HWY_TARGET == HWY_AVX2 ? 10 : 24;

Vector times(double factor, Vector x) {
  return hn::Mul(hn::Set(Lane(), static_cast<float>(factor)), x);
}
Vector plus(Vector sum, double factor, Vector x) {
  return hn::MulAdd(hn::Set(Lane(), static_cast<float>(factor)), x, sum);
}

// The transforms along one axis, with the points 0, a, -a, b, -b and infinity. Of simple numbers these leave
// the least error: half of what 1 and 2 do, and a fifth at worst.
constexpr double kA = 11.0 / 16, kB = 3.0 / 2;
constexpr double kA2 = kA * kA, kB2 = kB * kB;

struct PatchTransform {
  static constexpr int kIn = 6, kOut = 6;
  static HWY_INLINE void apply(const Vector* d, Vector* to) {
    const Vector even = plus(d[4], -kB2, d[2]), odd = times(kA, plus(d[3], -kB2, d[1]));
    const Vector far_even = plus(d[4], -kA2, d[2]), far_odd = times(kB, plus(d[3], -kA2, d[1]));
    to[0] = plus(plus(d[4], -kA2 - kB2, d[2]), kA2 * kB2, d[0]);
    to[1] = hn::Add(even, odd);
    to[2] = hn::Sub(even, odd);
    to[3] = hn::Add(far_even, far_odd);
    to[4] = hn::Sub(far_even, far_odd);
    to[5] = plus(plus(d[5], -kA2 - kB2, d[3]), kA2 * kB2, d[1]);
  }
};
struct FilterTransform {
  static constexpr int kIn = 3, kOut = 6;
  static HWY_INLINE void apply(const Vector* g, Vector* to) {
    constexpr double kNear = 1 / (2 * kA2 * (kA2 - kB2)), kFar = 1 / (2 * kB2 * (kB2 - kA2));
    const Vector even = plus(times(kNear, g[0]), kNear * kA2, g[2]);
    const Vector far_even = plus(times(kFar, g[0]), kFar * kB2, g[2]);
    to[0] = times(1 / (kA2 * kB2), g[0]);
    to[1] = plus(even, kNear * kA, g[1]);
    to[2] = plus(even, -kNear * kA, g[1]);
    to[3] = plus(far_even, kFar * kB, g[1]);
    to[4] = plus(far_even, -kFar * kB, g[1]);
    to[5] = g[2];
  }
};
struct OutputTransform {
  static constexpr int kIn = 6, kOut = 4;
  static HWY_INLINE void apply(const Vector* m, Vector* to) {
    const Vector sum = hn::Add(m[1], m[2]), difference = hn::Sub(m[1], m[2]);
    const Vector far_sum = hn::Add(m[3], m[4]), far_difference = hn::Sub(m[3], m[4]);
    to[0] = hn::Add(m[0], hn::Add(sum, far_sum));
    to[1] = plus(times(kA, difference), kB, far_difference);
    to[2] = plus(times(kA2, sum), kB2, far_sum);
    to[3] = plus(plus(m[5], kA2 * kA, difference), kB2 * kB, far_difference);
  }
};

/// Both axes: `load(row, column)` gives kIn x kIn vectors, `store(row, column, vector)` takes kOut x kOut.
template <class Transform, class Load, class Store>
HWY_INLINE void transform(Load load, Store store) {
  constexpr int kIn = Transform::kIn, kOut = Transform::kOut;
  HWY_ALIGN float half[kWidth * kIn * kOut];
#pragma GCC unroll 6
  for (int column = 0; column < kIn; ++column) {
    Vector in[kIn], out[kOut];
#pragma GCC unroll 6
    for (int row = 0; row < kIn; ++row) in[row] = load(row, column);
    Transform::apply(in, out);
#pragma GCC unroll 6
    for (int row = 0; row < kOut; ++row) hn::Store(out[row], Lane(), half + (row * kIn + column) * kWidth);
  }
#pragma GCC unroll 6
  for (int row = 0; row < kOut; ++row) {
    Vector in[kIn], out[kOut];
#pragma GCC unroll 6
    for (int column = 0; column < kIn; ++column)
      in[column] = hn::Load(Lane(), half + (row * kIn + column) * kWidth);
    Transform::apply(in, out);
#pragma GCC unroll 6
    for (int column = 0; column < kOut; ++column) store(row, column, out[column]);
  }
}

/// patches [points][blocks][tiles][16] of the input channels from 16 * `first_block` on.
void transform_patches(const WinogradTask& task, std::int64_t first_block, std::int64_t blocks,
                       float* patches) {
  const std::int64_t distance = slab(task.tiles * kWinogradChannels);
  HWY_ALIGN float border[kPoints * kBlock];
  for (std::int64_t block = 0; block < blocks; ++block) {
    for (std::int64_t i = 0; i < task.tiles; ++i) {
      const std::int64_t image = (task.first_tile + i) / task.image_tiles;
      const std::int64_t tile = (task.first_tile + i) % task.image_tiles;
      const float* map =
          task.x + (image * task.in + (first_block + block) * kBlock) * task.height * task.width;
      const std::int64_t y = tile / task.tile_columns * kTile - 1, x = tile % task.tile_columns * kTile - 1;
      const float* from = map + (y * task.width + x) * kBlock;
      std::int64_t row_distance = task.width * kBlock;
      if (y < 0 || x < 0 || y + 6 > task.height || x + 6 > task.width) {
        for (std::int64_t p = 0; p < kPoints; ++p) {
          const std::int64_t row = y + p / 6, column = x + p % 6;
          if (row < 0 || column < 0 || row >= task.height || column >= task.width)
            std::memset(border + p * kBlock, 0, kBlock * sizeof(float));
          else
            std::memcpy(border + p * kBlock, map + (row * task.width + column) * kBlock,
                        kBlock * sizeof(float));
        }
        from = border;
        row_distance = 6 * kBlock;
      }
      float* to = patches + (block * task.tiles + i) * kBlock;
      for (std::int64_t c = 0; c < kBlock; c += kWidth) {
        transform<PatchTransform>(
            [&](int row, int column) {
              return hn::LoadU(Lane(), from + row * row_distance + column * kBlock + c);
            },
            [&](int row, int column, Vector v) {
              hn::StoreU(v, Lane(), to + (row * 6 + column) * distance + c);
            });
      }
    }
  }
}

/// weights [in, 3, 3, columns] -> filters [points][in][columns].
void transform_filters(std::int64_t in, std::int64_t columns, const float* weights, float* filters) {
  const std::int64_t distance = slab(kWinogradChannels * columns);
  for (std::int64_t i = 0; i < in; ++i) {
    for (std::int64_t c = 0; c < columns; c += kWidth) {
      const float* from = weights + i * 9 * columns + c;
      float* to = filters + i * columns + c;
      transform<FilterTransform>(
          [&](int row, int column) { return hn::LoadU(Lane(), from + (row * 3 + column) * columns); },
          [&](int row, int column, Vector v) { hn::StoreU(v, Lane(), to + (row * 6 + column) * distance); });
    }
  }
}

/// products [tiles][columns] = or += patches [blocks][..][16] x filters [16 * blocks][columns], of one point.
struct Product {
  std::int64_t blocks, block_distance;
  std::int64_t columns, row_distance;
  bool onto;
};
template <int kVectors, int kTiles>
HWY_NOINLINE void multiply(const Product& p, const float* patches, const float* filters, float* products) {
  Vector sums[kTiles][kVectors];
#pragma GCC unroll 24
  for (int t = 0; t < kTiles; ++t) {
#pragma GCC unroll 24
    for (int v = 0; v < kVectors; ++v)
      sums[t][v] = p.onto ? hn::LoadU(Lane(), products + t * p.row_distance + v * kWidth) : hn::Zero(Lane());
  }
  for (std::int64_t block = 0; block < p.blocks; ++block, patches += p.block_distance) {
    for (std::int64_t c = 0; c < kBlock; ++c, filters += p.columns) {
      Vector filter[kVectors];
#pragma GCC unroll 24
      for (int v = 0; v < kVectors; ++v) filter[v] = hn::LoadU(Lane(), filters + v * kWidth);
#pragma GCC unroll 24
      for (int t = 0; t < kTiles; ++t) {
        const Vector patch = hn::Set(Lane(), patches[t * kBlock + c]);
#pragma GCC unroll 24
        for (int v = 0; v < kVectors; ++v) sums[t][v] = hn::MulAdd(patch, filter[v], sums[t][v]);
      }
    }
  }
#pragma GCC unroll 24
  for (int t = 0; t < kTiles; ++t) {
#pragma GCC unroll 24
    for (int v = 0; v < kVectors; ++v)
      hn::StoreU(sums[t][v], Lane(), products + t * p.row_distance + v * kWidth);
  }
}

using Multiply = void (*)(const Product&, const float*, const float*, float*);
/// kernels[n - 1] is for n tiles.
template <int kVectors, int... kTiles>
std::array<Multiply, sizeof...(kTiles)> kernels_of(std::integer_sequence<int, kTiles...>) {
  return {multiply<kVectors, kTiles + 1>...};
}

template <int kVectors>
void multiply_tiles(Product p, std::int64_t tiles, const float* patches, const float* filters,
                    float* products) {
  constexpr int kMost = kRegisters / kVectors;
  static const auto kKernels = kernels_of<kVectors>(std::make_integer_sequence<int, kMost>());
  // As even as can be: a last kernel of one tile would wait for its own sums.
  for (std::int64_t parts = (tiles + kMost - 1) / kMost, first = 0; parts > 0; --parts) {
    const std::int64_t count = (tiles - first + parts - 1) / parts;
    for (std::int64_t c = 0; c < p.columns; c += kVectors * kWidth) {
      kKernels[static_cast<std::size_t>(count - 1)](p, patches + first * kBlock, filters + c,
                                                    products + first * p.row_distance + c);
    }
    first += count;
  }
}

void multiply_points(const WinogradTask& task, std::int64_t blocks, bool onto, const float* patches,
                     const float* filters, float* products) {
  const Product product{blocks, task.tiles * kBlock, task.columns, task.channels, onto};
  const auto run = task.columns == kWidth       ? multiply_tiles<1>
                   : task.columns == 3 * kWidth ? multiply_tiles<3>
                                                : multiply_tiles<2>;
  for (std::int64_t point = 0; point < kPoints; ++point) {
    run(product, task.tiles, patches + point * slab(task.tiles * kWinogradChannels),
        filters + point * slab(kWinogradChannels * task.columns),
        products + point * slab(task.tiles * task.channels));
  }
}

void transform_products(const WinogradTask& task, const float* products) {
  const std::int64_t distance = slab(task.tiles * task.channels);
  for (std::int64_t i = 0; i < task.tiles; ++i) {
    const std::int64_t image = (task.first_tile + i) / task.image_tiles;
    const std::int64_t tile = (task.first_tile + i) % task.image_tiles;
    float* map = task.y + image * task.out * task.height * task.width;
    const std::int64_t y = tile / task.tile_columns * kTile, x = tile % task.tile_columns * kTile;
    const std::int64_t rows = std::min(kTile, task.height - y), columns = std::min(kTile, task.width - x);
    for (std::int64_t c = 0; c < task.channels; c += kWidth) {
      const std::int64_t channel = task.first_channel + c;
      const Vector bias = task.bias != nullptr ? hn::LoadU(Lane(), task.bias + c) : hn::Zero(Lane());
      const float* from = products + i * task.channels + c;
      float* to = map + ((channel / kBlock * task.height + y) * task.width + x) * kBlock + channel % kBlock;
      transform<OutputTransform>(
          [&](int row, int column) { return hn::LoadU(Lane(), from + (row * 6 + column) * distance); },
          [&](int row, int column, Vector v) {
            if (row < rows && column < columns)
              hn::StoreU(hn::Add(v, bias), Lane(), to + (row * task.width + column) * kBlock);
          });
    }
  }
}

void winograd_task(const WinogradTask& task) {
  float* patches = task.scratch;
  float* products = patches + patches_size(task.tiles);
  float* filters = products + products_size(task.tiles, task.channels);
  for (std::int64_t first = 0; first < task.in; first += kWinogradChannels) {
    const std::int64_t in = std::min(kWinogradChannels, task.in - first);
    transform_patches(task, first / kBlock, in / kBlock, patches);
    for (std::int64_t c = 0; c < task.channels; c += task.columns) {
      transform_filters(in, task.columns, task.weights + (c * task.in + first * task.columns) * 9, filters);
      multiply_points(task, in / kBlock, first > 0, patches, filters, products + c);
    }
  }
  transform_products(task, products);
}

}  // namespace HWY_NAMESPACE
}  // namespace seg::engine
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace seg::engine {
namespace {

HWY_EXPORT(winograd_task);

constexpr std::int64_t kMostTiles = 32;       // of a task: what it works on stays in the second-level cache
constexpr std::int64_t kMostProducts = 3072;  // tiles times output channels, at a point
constexpr double kLeastGain = 1.5;
constexpr std::int64_t kPackedAtOnce = 64;  // weights of an output channel

}  // namespace

bool Winograd::pays(const Shape& shape) {
  const std::int64_t tiles = ceil_div(shape.height, kTile) * ceil_div(shape.width, kTile);
  return shape.in % kBlock == 0 && shape.out % kBlock == 0 &&
         static_cast<double>(9 * shape.height * shape.width) >=
             kLeastGain * static_cast<double>(kPoints * tiles);
}

Winograd::Winograd(const Shape& shape, std::span<const float> weights, std::vector<float> bias, int workers,
                   FloatPool* pool)
    : shape_(shape),
      tile_columns_(ceil_div(shape.width, kTile)),
      tiles_(tile_columns_ * ceil_div(shape.height, kTile)),
      workers_(workers),
      weights_(take_floats(pool, weights.size())),
      bias_(std::move(bias)) {
  for (columns_ = 3 * kBlock; shape.out % columns_ != 0;) columns_ -= kBlock;
  // Some of the rows' numbers at a time, so that both sides of the exchange stay in the first-level cache.
  const std::int64_t groups = shape.out / columns_, row_size = shape.in * 9,
                     parts = ceil_div(row_size, kPackedAtOnce);
  parallel_for(groups * parts, [&](std::int64_t task) {
    const std::int64_t group = task / parts, first = task % parts * kPackedAtOnce;
    const std::int64_t last = std::min(row_size, first + kPackedAtOnce);
    float* to = weights_.get() + group * columns_ * row_size;
    for (std::int64_t column = 0; column < columns_; ++column) {
      const float* row = weights.data() + (group * columns_ + column) * row_size;
      for (std::int64_t i = first; i < last; ++i) to[i * columns_ + column] = row[i];
    }
  });
}

Winograd::Share Winograd::share_of(std::int64_t images) const {
  const std::int64_t all = images * tiles_, groups = shape_.out / columns_;
  const std::int64_t tiles = ceil_div(all, ceil_div(all, kMostTiles));
  std::int64_t span = groups;
  while (span > 1 && (groups % span != 0 || span * columns_ * tiles > kMostProducts)) --span;
  return {tiles, span * columns_};
}

std::int64_t Winograd::scratch_size(const Share& share) const {
  return patches_size(share.tiles) + products_size(share.tiles, share.channels) + filters_size(columns_);
}

std::int64_t Winograd::scratch_size(std::int64_t images) const {
  return workers_ * scratch_size(share_of(images));
}

void Winograd::run(std::int64_t images, const float* x, float* scratch, float* y) const {
  const Share share = share_of(images);
  const std::int64_t all = images * tiles_, spans = shape_.out / share.channels;
  const std::int64_t tasks = ceil_div(all, share.tiles) * spans, scratch_each = scratch_size(share);
  std::atomic<std::int64_t> next = 0;
  parallel_for(workers_, [&](std::int64_t worker) {
    for (std::int64_t i = next++; i < tasks; i = next++) {
      const std::int64_t tile = i / spans * share.tiles, channel = i % spans * share.channels;
      const WinogradTask task{.height = shape_.height,
                              .width = shape_.width,
                              .tile_columns = tile_columns_,
                              .image_tiles = tiles_,
                              .in = shape_.in,
                              .out = shape_.out,
                              .first_tile = tile,
                              .tiles = std::min(share.tiles, all - tile),
                              .first_channel = channel,
                              .channels = share.channels,
                              .columns = columns_,
                              .x = x,
                              .weights = weights_.get() + channel * shape_.in * 9,
                              .bias = bias_.empty() ? nullptr : bias_.data() + channel,
                              .scratch = scratch + worker * scratch_each,
                              .y = y};
      HWY_DYNAMIC_DISPATCH(winograd_task)(task);
    }
  });
}

}  // namespace seg::engine
#endif  // HWY_ONCE
