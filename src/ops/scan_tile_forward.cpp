#include "ops/scan_tile.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/scan_tile_forward.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ops/scan_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace seg {
namespace HWY_NAMESPACE {

// kStates of the tile's states, kept in registers: h = decay h + dt u B, y += C h.
template <int kStates, bool kClamp>
HWY_NOINLINE void scan_states(const TilePixels& pixels, const float* x, std::int64_t x_stride,
                              std::int64_t state, const float* a2, const float* dt, const float* dt_u,
                              float* h_rows, float* y, const Ahead<2>* ahead) {
  for (std::int64_t j = 0; j < kTileChannels; j += kLanes) {
    V h[kStates];
#pragma GCC unroll 16
    for (int n = 0; n < kStates; ++n) h[n] = hn::Load(D(), h_rows + n * kTileChannels + j);
    for (std::int64_t t = 0; t < pixels.count; ++t) {
      if (j == 0 && ahead != nullptr) ahead->fetch(t);
      const float* b = x + pixels.index[t] * x_stride;
      const float* c = b + state;
      const V step = hn::Load(D(), dt + t * kTileChannels + j);
      const V step_u = hn::Load(D(), dt_u + t * kTileChannels + j);
      V sum = hn::Load(D(), y + t * kTileChannels + j);
#pragma GCC unroll 16
      for (int n = 0; n < kStates; ++n) {
        const V decay = decay_of<kClamp>(step, hn::Load(D(), a2 + n * kTileChannels + j));
        h[n] = hn::MulAdd(decay, h[n], hn::Mul(step_u, broadcast(b[n])));
        sum = hn::MulAdd(h[n], broadcast(c[n]), sum);
      }
      hn::Store(sum, D(), y + t * kTileChannels + j);
    }
#pragma GCC unroll 16
    for (int n = 0; n < kStates; ++n) hn::Store(h[n], D(), h_rows + n * kTileChannels + j);
  }
}

template <bool kClamp>
void scan_all_states(const TileLayout& layout, const ForwardGroup& group, const TilePixels& pixels,
                     const float* x, const float* dt, const float* dt_u, float* y, const Ahead<2>& ahead) {
  std::int64_t n = 0;
  const auto run = [&](auto scan, std::int64_t states) {
    for (; n + states <= layout.state; n += states) {
      scan(pixels, x + layout.rank + n, layout.x_stride, layout.state, group.weights.a2 + n * kTileChannels,
           dt, dt_u, group.state + n * kTileChannels, y, n == 0 ? &ahead : nullptr);
    }
  };
  run(scan_states<kStatesAtOnce, kClamp>, kStatesAtOnce);
  run(scan_states<4, kClamp>, 4);
  run(scan_states<1, kClamp>, 1);
}

void group_forward(const TileLayout& layout, const ForwardGroup& group, const TilePixels& pixels,
                   const float* x, const float* u, float* y, const Ahead<2>& ahead) {
  HWY_ALIGN float dt[kTileSize], dt_u[kTileSize];
  const bool in_range = tile_steps(layout, group.weights, pixels, x, dt, [&](std::int64_t i, V, V, V step) {
    const V value = hn::Load(D(), u + i);
    hn::Store(hn::Mul(value, hn::Load(D(), group.weights.skip + i % kTileChannels)), D(), y + i);
    hn::Store(hn::Mul(value, step), D(), dt_u + i);
  });
  const auto scan = in_range ? scan_all_states<false> : scan_all_states<true>;
  scan(layout, group, pixels, x, dt, dt_u, y, ahead);
}

void tile_forward(const TileLayout& layout, std::span<const ForwardGroup> groups, const TilePixels& pixels,
                  const TilePixels& next, const float* x, const float* u, float* y, bool add) {
  HWY_ALIGN float u_tiles[kMaxGroups * kTileSize], y_tiles[kMaxGroups * kTileSize];
  load_tiles(layout, groups, pixels, u, u_tiles);
  const auto count = static_cast<std::int64_t>(groups.size());
  for (std::int64_t g = 0; g < count; ++g) {
    const std::int64_t channel = g * kTileChannels;
    const Ahead<2> ahead{layout, next, {u + channel, y + channel}, x, g, count};
    group_forward(layout, groups[g], pixels, x, u_tiles + g * kTileSize, y_tiles + g * kTileSize, ahead);
  }
  store_tiles(layout, groups, pixels, y_tiles, add, y);
}

}  // namespace HWY_NAMESPACE
}  // namespace seg
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace seg {
HWY_EXPORT(tile_forward);

void scan_tile_forward(const TileLayout& layout, std::span<const ForwardGroup> groups,
                       const TilePixels& pixels, const TilePixels& next, const float* x, const float* u,
                       float* y, bool add) {
  HWY_DYNAMIC_DISPATCH(tile_forward)(layout, groups, pixels, next, x, u, y, add);
}

}  // namespace seg
#endif
