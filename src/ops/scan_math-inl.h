// Vector functions of the scan, compiled once per instruction set (Highway's -inl convention).
#if defined(SEG_OPS_SCAN_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SEG_OPS_SCAN_MATH_INL_H_
#undef SEG_OPS_SCAN_MATH_INL_H_
#else
#define SEG_OPS_SCAN_MATH_INL_H_
#endif

#include <hwy/highway.h>

#include "ops/scan_tile.h"

HWY_BEFORE_NAMESPACE();
namespace seg {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using D = HWY_CAPPED(float, 16);
using V = hn::Vec<D>;
inline constexpr std::int64_t kLanes = hn::MaxLanes(D());
static_assert(kTileChannels % kLanes == 0);

// States whose decay, value and neighbours fit into the registers at once.
inline constexpr int kStatesAtOnce = HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON ? 16 : 8;

// Pixels whose dt projections are summed up at once.
inline constexpr int kProjectedAtOnce = kStatesAtOnce == 16 ? 8 : 4;

// Decays are clamped here: 2^-125 is the last power with room for a mantissa below 1, and nothing as a decay.
inline constexpr float kMinExponent = -125.0f;

HWY_INLINE V broadcast(float value) {
  return hn::Set(D(), value);
}

// 2^f for |f| <= 1/2, a minimax polynomial (9e-8) that is 1 at 0 exactly: a decay near 1 carries no error of
// the polynomial, so none can pile up along the scan.
HWY_INLINE V exp2_fraction(V f) {
  V p = hn::MulAdd(broadcast(0.00132647215f), f, broadcast(0.00967151299f));
  p = hn::MulAdd(p, f, broadcast(0.0555073358f));
  p = hn::MulAdd(p, f, broadcast(0.240222424f));
  p = hn::MulAdd(p, f, broadcast(0.693147004f));
  return hn::MulAdd(p, f, broadcast(1.0f));
}

// Adding this rounds to the nearest integer and leaves it in the low bits.
inline constexpr float kRounder = 12582912.0f;  // 1.5 * 2^23

// p * 2^k, where `rounded` is kRounder + k.
HWY_INLINE V scale_by_rounded(V p, V rounded) {
  const hn::RebindToSigned<D> di;
  return hn::BitCast(D(), hn::Add(hn::BitCast(di, p), hn::ShiftLeft<23>(hn::BitCast(di, rounded))));
}

// exp2(dt * a2); without kClamp the product must be above kMinExponent.
template <bool kClamp>
HWY_INLINE V decay_of(V dt, V a2) {
  if constexpr (kClamp) {
    const V x = hn::Max(hn::Mul(dt, a2), broadcast(kMinExponent));
    const V rounded = hn::Add(x, broadcast(kRounder));
    return scale_by_rounded(exp2_fraction(hn::Sub(x, hn::Sub(rounded, broadcast(kRounder)))), rounded);
  } else {
    const V rounded = hn::MulAdd(dt, a2, broadcast(kRounder));
    const V whole = hn::Sub(rounded, broadcast(kRounder));
    return scale_by_rounded(exp2_fraction(hn::MulSub(dt, a2, whole)), rounded);
  }
}

// exp(-|x|), relatively accurate: the range is reduced in two steps (ln 2 = high + low).
HWY_INLINE V exp_of_minus_abs(V x) {
  const V y = hn::Max(hn::Neg(hn::Abs(x)), broadcast(-86.0f));
  const V rounded = hn::MulAdd(y, broadcast(1.44269504f), broadcast(kRounder));
  const V whole = hn::Sub(rounded, broadcast(kRounder));
  V rest = hn::NegMulAdd(whole, broadcast(0.693359375f), y);
  rest = hn::NegMulAdd(whole, broadcast(-2.12194440e-4f), rest);
  return scale_by_rounded(exp2_fraction(hn::Mul(rest, broadcast(1.44269504f))), rounded);
}

// log(1 + e) for 0 <= e <= 1, relatively accurate (5e-9 before rounding): e times a minimax polynomial.
HWY_INLINE V log1p_of_fraction(V e) {
  V p = hn::MulAdd(broadcast(-0.00324398489f), e, broadcast(0.0198512785f));
  p = hn::MulAdd(p, e, broadcast(-0.056959182f));
  p = hn::MulAdd(p, e, broadcast(0.106036179f));
  p = hn::MulAdd(p, e, broadcast(-0.153055698f));
  p = hn::MulAdd(p, e, broadcast(0.196759313f));
  p = hn::MulAdd(p, e, broadcast(-0.249541312f));
  p = hn::MulAdd(p, e, broadcast(0.333299637f));
  p = hn::MulAdd(p, e, broadcast(-0.499999017f));
  p = hn::MulAdd(p, e, broadcast(1.0f));
  return hn::Mul(p, e);
}

// softplus from x and e = exp(-|x|), and its derivative, the sigmoid.
HWY_INLINE V softplus(V x, V e) {
  return hn::Add(hn::Max(x, hn::Zero(D())), log1p_of_fraction(e));
}
HWY_INLINE V sigmoid(V x, V e) {
  const V numerator = hn::IfThenElse(hn::Ge(x, hn::Zero(D())), broadcast(1.0f), e);
  return hn::Div(numerator, hn::Add(broadcast(1.0f), e));
}

// Copies a tile in from rows of `stride` floats; channels that do not exist become zero.
HWY_INLINE void load_tile(const float* from, std::int64_t stride, const TilePixels& pixels,
                          std::int64_t channels, float* tile) {
  for (std::int64_t t = 0; t < pixels.count; ++t) {
    const float* row = from + pixels.index[t] * stride;
    float* to = tile + t * kTileChannels;
    if (channels == kTileChannels) {
      for (std::int64_t j = 0; j < kTileChannels; j += kLanes)
        hn::Store(hn::LoadU(D(), row + j), D(), to + j);
    } else {
      for (std::int64_t c = 0; c < kTileChannels; ++c) to[c] = c < channels ? row[c] : 0.0f;
    }
  }
}

HWY_INLINE void store_tile(const float* tile, std::int64_t stride, const TilePixels& pixels,
                           std::int64_t channels, bool add, float* to) {
  for (std::int64_t t = 0; t < pixels.count; ++t) {
    float* row = to + pixels.index[t] * stride;
    const float* from = tile + t * kTileChannels;
    if (channels == kTileChannels) {
      for (std::int64_t j = 0; j < kTileChannels; j += kLanes) {
        const V value = hn::Load(D(), from + j);
        hn::StoreU(add ? hn::Add(value, hn::LoadU(D(), row + j)) : value, D(), row + j);
      }
    } else {
      for (std::int64_t c = 0; c < channels; ++c) row[c] = add ? row[c] + from[c] : from[c];
    }
  }
}

// The dt projection before softplus, kPixels pixels at once so that each weight is loaded once for them.
template <int kPixels>
HWY_INLINE void project_steps(const TileLayout& layout, const TileWeights& weights, const float* x,
                              const std::int64_t* index, float* dt) {
  const float* rows[kPixels];
  for (int i = 0; i < kPixels; ++i) rows[i] = x + index[i] * layout.x_stride;
  for (std::int64_t j = 0; j < kTileChannels; j += kLanes) {
    V sum[kPixels];
#pragma GCC unroll 8
    for (int i = 0; i < kPixels; ++i) sum[i] = hn::Load(D(), weights.dt_bias + j);
    for (std::int64_t r = 0; r < layout.rank; ++r) {
      const V weight = hn::Load(D(), weights.dt_weight + r * kTileChannels + j);
#pragma GCC unroll 8
      for (int i = 0; i < kPixels; ++i) sum[i] = hn::MulAdd(weight, broadcast(rows[i][r]), sum[i]);
    }
#pragma GCC unroll 8
    for (int i = 0; i < kPixels; ++i) hn::Store(sum[i], D(), dt + i * kTileChannels + j);
  }
}

// dt = softplus(projection) of a tile, and where asked for its derivative.
HWY_INLINE void tile_steps(const TileLayout& layout, const TileWeights& weights, const TilePixels& pixels,
                           const float* x, float* dt, float* slope) {
  std::int64_t t = 0;
  for (; t + kProjectedAtOnce <= pixels.count; t += kProjectedAtOnce) {
    project_steps<kProjectedAtOnce>(layout, weights, x, pixels.index + t, dt + t * kTileChannels);
  }
  for (; t < pixels.count; ++t) {
    project_steps<1>(layout, weights, x, pixels.index + t, dt + t * kTileChannels);
  }
  for (std::int64_t i = 0; i < pixels.count * kTileChannels; i += kLanes) {
    const V before = hn::Load(D(), dt + i), e = exp_of_minus_abs(before);
    hn::Store(softplus(before, e), D(), dt + i);
    if (slope != nullptr) hn::Store(sigmoid(before, e), D(), slope + i);
  }
}

// Whether no decay of the tile needs the clamp (true of all but the wildest).
HWY_INLINE bool decays_in_range(const TileWeights& weights, const TilePixels& pixels, const float* dt) {
  for (std::int64_t j = 0; j < kTileChannels; j += kLanes) {
    V longest = hn::Zero(D());
    for (std::int64_t t = 0; t < pixels.count; ++t) {
      longest = hn::Max(longest, hn::Load(D(), dt + t * kTileChannels + j));
    }
    const V exponent = hn::Mul(longest, hn::Load(D(), weights.a2_min + j));
    if (!hn::AllTrue(D(), hn::Gt(exponent, broadcast(kMinExponent)))) return false;
  }
  return true;
}

}  // namespace HWY_NAMESPACE
}  // namespace seg
HWY_AFTER_NAMESPACE();

#endif  // the per-target include guard
