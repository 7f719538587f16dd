#include "ops/scan_tile.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/scan_tile_backward.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ops/scan_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace seg {
namespace HWY_NAMESPACE {

inline constexpr float kLn2 = 0.693147181f;

// One group's rows of 16 channels, a row a pixel.
struct HWY_ALIGN GroupTile {
  float dt[kTileSize];
  float slope[kTileSize];    // d dt / d (dt projection)
  float dh_b[kTileSize];     // sum over states of dh * B
  float grad_dt[kTileSize];  // sum over states of dh * h_before * decay * a2; in the end d (dt projection)
  const float* u;
  float* dy;  // in the end the gradient of u
  bool clamp;
};

// Channel-wise products of at most four states, before they are summed over the channels.
struct HWY_ALIGN StateProducts {
  float b[kTilePixels][4][kTileChannels], c[kTilePixels][4][kTileChannels];
};

// sum += value with the rounding error kept (Kahan): the sum runs over all pixels of an image.
HWY_INLINE void add_compensated(V value, float* sum, float* error) {
  const V before = hn::Load(D(), sum), corrected = hn::Sub(value, hn::Load(D(), error));
  const V after = hn::Add(before, corrected);
  hn::Store(hn::Sub(hn::Sub(after, before), corrected), D(), error);
  hn::Store(after, D(), sum);
}

// Rows of ParameterSums.
HWY_INLINE void add_to_sums(const TileLayout& layout, const BackwardGroup& group, std::int64_t row,
                            std::int64_t j, V value) {
  float* sum = group.sums + row * kTileChannels + j;
  add_compensated(value, sum, sum + layout.sum_rows() * kTileChannels);
}

void begin_group(const TileLayout& layout, const BackwardGroup& group, const TilePixels& pixels,
                 const float* x, const Ahead<3>& ahead, GroupTile& tile) {
  const auto step = [&](std::int64_t i, V projection, V e, V) {
    if (i % kTileChannels == 0) ahead.fetch(i / kTileChannels);
    hn::Store(sigmoid(projection, e), D(), tile.slope + i);
  };
  tile.clamp = !tile_steps(layout, group.weights, pixels, x, tile.dt, step);
  for (std::int64_t j = 0; j < kTileChannels; j += kLanes) {
    V skip = hn::Zero(D());
    for (std::int64_t i = j; i < pixels.count * kTileChannels; i += kTileChannels) {
      skip = hn::MulAdd(hn::Load(D(), tile.u + i), hn::Load(D(), tile.dy + i), skip);
      hn::Store(hn::Zero(D()), D(), tile.dh_b + i);
      hn::Store(hn::Zero(D()), D(), tile.grad_dt + i);
    }
    add_to_sums(layout, group, layout.sum_rows() - 1, j, skip);
  }
}

// The tile forwards again and then backwards, for kStates states from `first` on. The products that make the
// gradients of B and C are set, or with kAdd added to those of the group before.
template <int kStates, bool kClamp, bool kAdd>
HWY_NOINLINE void backward_states(const TileLayout& layout, const BackwardGroup& group,
                                  const TilePixels& pixels, const float* x, std::int64_t first,
                                  GroupTile& tile, StateProducts& products) {
  HWY_ALIGN float decays[kTilePixels][kStates][kLanes];
  HWY_ALIGN float decayed[kTilePixels][kStates][kLanes];  // decay * h before
  const float* a2 = group.weights.a2 + first * kTileChannels;
  x += layout.rank + first;
  for (std::int64_t j = 0; j < kTileChannels; j += kLanes) {
    V h[kStates], dh[kStates], grad_a[kStates];
#pragma GCC unroll 4
    for (int n = 0; n < kStates; ++n) {
      h[n] = hn::LoadU(D(), group.state + (first + n) * kTileChannels + j);
      dh[n] = hn::Load(D(), group.carry + (first + n) * kTileChannels + j);
      grad_a[n] = hn::Zero(D());
    }
    for (std::int64_t t = 0; t < pixels.count; ++t) {
      const float* b = x + pixels.index[t] * layout.x_stride;
      const std::int64_t i = t * kTileChannels + j;
      const V dt = hn::Load(D(), tile.dt + i), dt_u = hn::Mul(dt, hn::Load(D(), tile.u + i));
      const V dy = hn::Load(D(), tile.dy + i);
#pragma GCC unroll 4
      for (int n = 0; n < kStates; ++n) {
        const V decay = decay_of<kClamp>(dt, hn::Load(D(), a2 + n * kTileChannels + j));
        h[n] = hn::Mul(decay, h[n]);
        hn::Store(decay, D(), decays[t][n]);
        hn::Store(h[n], D(), decayed[t][n]);
        h[n] = hn::MulAdd(dt_u, broadcast(b[n]), h[n]);
        float* grad_c = products.c[t][n] + j;
        hn::Store(kAdd ? hn::MulAdd(dy, h[n], hn::Load(D(), grad_c)) : hn::Mul(dy, h[n]), D(), grad_c);
      }
    }
    for (std::int64_t t = pixels.count - 1; t >= 0; --t) {
      const float* b = x + pixels.index[t] * layout.x_stride;
      const float* c = b + layout.state;
      const std::int64_t i = t * kTileChannels + j;
      const V dt = hn::Load(D(), tile.dt + i), dt_u = hn::Mul(dt, hn::Load(D(), tile.u + i));
      const V dy = hn::Load(D(), tile.dy + i);
      V grad_dt = hn::Load(D(), tile.grad_dt + i), dh_b = hn::Load(D(), tile.dh_b + i);
#pragma GCC unroll 4
      for (int n = 0; n < kStates; ++n) {
        dh[n] = hn::MulAdd(dy, broadcast(c[n]), dh[n]);
        float* grad_b = products.b[t][n] + j;
        hn::Store(kAdd ? hn::MulAdd(dh[n], dt_u, hn::Load(D(), grad_b)) : hn::Mul(dh[n], dt_u), D(), grad_b);
        dh_b = hn::MulAdd(dh[n], broadcast(b[n]), dh_b);
        const V through_decay = hn::Mul(dh[n], hn::Load(D(), decayed[t][n]));
        grad_a[n] = hn::MulAdd(through_decay, dt, grad_a[n]);
        grad_dt = hn::MulAdd(through_decay, hn::Load(D(), a2 + n * kTileChannels + j), grad_dt);
        dh[n] = hn::Mul(dh[n], hn::Load(D(), decays[t][n]));
      }
      hn::Store(grad_dt, D(), tile.grad_dt + i);
      hn::Store(dh_b, D(), tile.dh_b + i);
    }
#pragma GCC unroll 4
    for (int n = 0; n < kStates; ++n) {
      hn::Store(dh[n], D(), group.carry + (first + n) * kTileChannels + j);
      add_to_sums(layout, group, first + n, j, grad_a[n]);
    }
  }
}

#if HWY_TARGET != HWY_SCALAR
// Adds the blocks of four lanes up and stores the four sums.
template <class Tag>
HWY_INLINE void add_blocks(Tag d, hn::Vec<Tag> v, float* sums) {
  if constexpr (hn::MaxLanes(Tag()) == 4) {
    hn::StoreU(v, d, sums);
  } else {
    const hn::Half<Tag> half;
    add_blocks(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)), sums);
  }
}
#endif

// The sums of four rows of 16 channels.
HWY_INLINE void sum_rows(const float (*rows)[kTileChannels], float* sums) {
  V v[4];
  for (int n = 0; n < 4; ++n) {
    v[n] = hn::Load(D(), rows[n]);
    for (std::int64_t j = kLanes; j < kTileChannels; j += kLanes)
      v[n] = hn::Add(v[n], hn::Load(D(), rows[n] + j));
  }
#if HWY_TARGET == HWY_SCALAR
  for (int n = 0; n < 4; ++n) sums[n] = hn::GetLane(v[n]);
#else
  // Within each block of four lanes, lane n becomes the block's sum of row n; then the blocks are added.
  const hn::Repartition<std::uint64_t, D> pairs;
  const V ab = hn::Add(hn::InterleaveLower(D(), v[0], v[1]), hn::InterleaveUpper(D(), v[0], v[1]));
  const V cd = hn::Add(hn::InterleaveLower(D(), v[2], v[3]), hn::InterleaveUpper(D(), v[2], v[3]));
  const auto ab_pairs = hn::BitCast(pairs, ab), cd_pairs = hn::BitCast(pairs, cd);
  const V lower = hn::BitCast(D(), hn::InterleaveLower(pairs, ab_pairs, cd_pairs));
  const V upper = hn::BitCast(D(), hn::InterleaveUpper(pairs, ab_pairs, cd_pairs));
  add_blocks(D(), hn::Add(lower, upper), sums);
#endif
}

// Gradients of B and C: the products summed over the channels.
template <int kStates>
void sum_products(const TileLayout& layout, const TilePixels& pixels, std::int64_t first,
                  const StateProducts& products, float* grad_x) {
  for (std::int64_t t = 0; t < pixels.count; ++t) {
    float sums[8] = {};
    sum_rows(products.b[t], sums);
    sum_rows(products.c[t], sums + 4);
    float* row = grad_x + pixels.index[t] * layout.x_gradient_stride() + first;
    for (int n = 0; n < kStates; ++n) row[n] = sums[n];
    for (int n = 0; n < kStates; ++n) row[layout.state + n] = sums[4 + n];
  }
}

template <int kStates, bool kAdd>
HWY_INLINE void backward_states(const TileLayout& layout, const BackwardGroup& group,
                                const TilePixels& pixels, const float* x, std::int64_t first, GroupTile& tile,
                                StateProducts& products) {
  if (tile.clamp) {
    backward_states<kStates, true, kAdd>(layout, group, pixels, x, first, tile, products);
  } else {
    backward_states<kStates, false, kAdd>(layout, group, pixels, x, first, tile, products);
  }
}

template <int kStates>
void backward_all_groups(const TileLayout& layout, std::span<const BackwardGroup> groups,
                         const TilePixels& pixels, const float* x, std::int64_t first, GroupTile* tiles,
                         StateProducts& products, float* grad_x) {
  backward_states<kStates, false>(layout, groups[0], pixels, x, first, tiles[0], products);
  for (std::size_t g = 1; g < groups.size(); ++g) {
    backward_states<kStates, true>(layout, groups[g], pixels, x, first, tiles[g], products);
  }
  sum_products<kStates>(layout, pixels, first, products, grad_x);
}

// Sums of kRows rows of dt_weight, from row `first` on.
template <int kRows>
HWY_INLINE void add_weight_sums(const TileLayout& layout, const BackwardGroup& group,
                                const TilePixels& pixels, const float* x, const GroupTile& tile,
                                std::int64_t first, std::int64_t j) {
  V sums[kRows];
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) sums[r] = hn::Zero(D());
  for (std::int64_t t = 0; t < pixels.count; ++t) {
    const V gradient = hn::Load(D(), tile.grad_dt + t * kTileChannels + j);
    const float* row = x + pixels.index[t] * layout.x_stride + first;
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) sums[r] = hn::MulAdd(gradient, broadcast(row[r]), sums[r]);
  }
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) add_to_sums(layout, group, layout.state + first + r, j, sums[r]);
}

// grad_u into tile.dy, d (dt projection) into tile.grad_dt, and the sums of dt_bias and dt_weight.
void end_group(const TileLayout& layout, const BackwardGroup& group, const TilePixels& pixels, const float* x,
               GroupTile& tile) {
  for (std::int64_t j = 0; j < kTileChannels; j += kLanes) {
    const V skip = hn::Load(D(), group.weights.skip + j);
    V bias = hn::Zero(D());
    for (std::int64_t i = j; i < pixels.count * kTileChannels; i += kTileChannels) {
      const V dh_b = hn::Load(D(), tile.dh_b + i), through_decay = hn::Load(D(), tile.grad_dt + i);
      const V grad_u =
          hn::MulAdd(dh_b, hn::Load(D(), tile.dt + i), hn::Mul(skip, hn::Load(D(), tile.dy + i)));
      const V grad_dt = hn::MulAdd(dh_b, hn::Load(D(), tile.u + i), hn::Mul(through_decay, broadcast(kLn2)));
      const V grad_projection = hn::Mul(grad_dt, hn::Load(D(), tile.slope + i));
      bias = hn::Add(bias, grad_projection);
      hn::Store(grad_u, D(), tile.dy + i);
      hn::Store(grad_projection, D(), tile.grad_dt + i);
    }
    add_to_sums(layout, group, layout.state + layout.rank, j, bias);
    std::int64_t r = 0;
    for (; r + 4 <= layout.rank; r += 4) add_weight_sums<4>(layout, group, pixels, x, tile, r, j);
    for (; r < layout.rank; ++r) add_weight_sums<1>(layout, group, pixels, x, tile, r, j);
  }
}

// Gradient of x_dbl's dt part: d (dt projection) times the weights, a vector along the rank.
template <int kPixels>
void project_back(const TileLayout& layout, std::span<const BackwardGroup> groups, const std::int64_t* index,
                  const GroupTile* tiles, std::int64_t first_pixel, float* grad_x) {
  for (std::int64_t r = 0; r < layout.padded_rank(); r += kLanes) {
    V sum[kPixels];
#pragma GCC unroll 4
    for (int i = 0; i < kPixels; ++i) sum[i] = hn::Zero(D());
    for (std::size_t g = 0; g < groups.size(); ++g) {
      const float* from = tiles[g].grad_dt + first_pixel * kTileChannels;
      for (std::int64_t c = 0; c < kTileChannels; ++c) {
        const V weight = hn::Load(D(), groups[g].weights.dt_weight_rows + c * layout.padded_rank() + r);
#pragma GCC unroll 4
        for (int i = 0; i < kPixels; ++i) {
          sum[i] = hn::MulAdd(broadcast(from[i * kTileChannels + c]), weight, sum[i]);
        }
      }
    }
#pragma GCC unroll 4
    for (int i = 0; i < kPixels; ++i) {
      hn::StoreU(sum[i], D(), grad_x + index[i] * layout.x_gradient_stride() + 2 * layout.state + r);
    }
  }
}

void tile_backward(const TileLayout& layout, std::span<const BackwardGroup> groups, const TilePixels& pixels,
                   const TilePixels& next, const float* x, const float* u, const float* dy, float* grad_u,
                   bool add, float* grad_x) {
  HWY_ALIGN float u_tiles[kMaxGroups * kTileSize], dy_tiles[kMaxGroups * kTileSize];
  GroupTile tiles[kMaxGroups];
  StateProducts products = {};
  load_tiles(layout, groups, pixels, u, u_tiles);
  load_tiles(layout, groups, pixels, dy, dy_tiles);
  const auto count = static_cast<std::int64_t>(groups.size());
  for (std::int64_t g = 0; g < count; ++g) {
    tiles[g].u = u_tiles + g * kTileSize;
    tiles[g].dy = dy_tiles + g * kTileSize;
    const std::int64_t channel = g * kTileChannels;
    const Ahead<3> ahead{layout, next, {u + channel, dy + channel, grad_u + channel}, x, g, count};
    begin_group(layout, groups[g], pixels, x, ahead, tiles[g]);
  }
  std::int64_t n = 0;
  for (; n + 4 <= layout.state; n += 4) {
    backward_all_groups<4>(layout, groups, pixels, x, n, tiles, products, grad_x);
  }
  for (; n < layout.state; ++n) {
    backward_all_groups<1>(layout, groups, pixels, x, n, tiles, products, grad_x);
  }
  for (std::size_t g = 0; g < groups.size(); ++g) end_group(layout, groups[g], pixels, x, tiles[g]);
  store_tiles(layout, groups, pixels, dy_tiles, add, grad_u);
  std::int64_t t = 0;
  for (; t + 4 <= pixels.count; t += 4) {
    project_back<4>(layout, groups, pixels.index + t, tiles, t, grad_x);
  }
  for (; t < pixels.count; ++t) project_back<1>(layout, groups, pixels.index + t, tiles, t, grad_x);
}

}  // namespace HWY_NAMESPACE
}  // namespace seg
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace seg {
HWY_EXPORT(tile_backward);

void scan_tile_backward(const TileLayout& layout, std::span<const BackwardGroup> groups,
                        const TilePixels& pixels, const TilePixels& next, const float* x, const float* u,
                        const float* dy, float* grad_u, bool add, float* grad_x) {
  HWY_DYNAMIC_DISPATCH(tile_backward)(layout, groups, pixels, next, x, u, dy, grad_u, add, grad_x);
}

}  // namespace seg
#endif
