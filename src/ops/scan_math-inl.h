// Vector functions of the scan, compiled once per instruction set (Highway's -inl convention).
#if defined(SEG_OPS_SCAN_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SEG_OPS_SCAN_MATH_INL_H_
#undef SEG_OPS_SCAN_MATH_INL_H_
#else
#define SEG_OPS_SCAN_MATH_INL_H_
#endif

#include <hwy/highway.h>

#include <array>
#include <bit>

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
inline constexpr int kStatesAtOnce = kLanes == 16 || HWY_TARGET == HWY_NEON ? 16 : 8;

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

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2  // the wider the target, the smaller its number
// One permutation looks up a vector of powers of two. So an exponent's fraction is split further: into a step
// of 1 / lanes, from the table, and a remainder so small that a cubic does (2e-9 with 16 lanes, 3e-8 with 8).
// Its slope at 0 is exact, so here too a decay near 1 carries no error.
inline constexpr std::int64_t kPowers = kLanes;

// The bits of 2^(i / lanes), less the step's own: adding the shifted exponent, whose low bits are i, puts
// those back.
inline constexpr int kExponentShift = kPowers == 16 ? 19 : 20;
alignas(64) inline constexpr auto kPowerBits = [] {
  constexpr float kSixteenths[16] = {
      1.0f,        1.04427373f, 1.09050775f, 1.13878858f, 1.18920708f, 1.24185777f, 1.29683959f, 1.35425556f,
      1.41421354f, 1.47682619f, 1.54221082f, 1.61049032f, 1.68179286f, 1.75625217f, 1.83400810f, 1.91520655f};
  std::array<std::int32_t, kPowers> bits{};
  for (std::int32_t i = 0; i < kPowers; ++i) {
    bits[i] = std::bit_cast<std::int32_t>(kSixteenths[i * 16 / kPowers]) - (i << kExponentShift);
  }
  return bits;
}();

// 2^(k / kPowers + f), where `rounded` is kExponentRounder + k / kPowers.
HWY_INLINE V power_of_two(V f, V rounded) {
  const hn::RebindToSigned<D> di;
  const auto steps = hn::BitCast(di, rounded);
  using Indices = decltype(hn::IndicesFromVec(di, steps));
  const auto power =
      hn::TableLookupLanes(hn::Load(di, kPowerBits.data()), Indices{steps.raw});  // by the low bits
  const V scale = hn::BitCast(D(), hn::Add(power, hn::ShiftLeft<kExponentShift>(steps)));
  V p = hn::MulAdd(broadcast(0.0555041087f), f, broadcast(kPowers == 16 ? 0.240234287f : 0.240257632f));
  p = hn::Mul(hn::MulAdd(p, f, broadcast(0.693147181f)), f);
  return hn::MulAdd(scale, p, scale);
}
#else
inline constexpr std::int64_t kPowers = 1;

HWY_INLINE V power_of_two(V f, V rounded) {
  return scale_by_rounded(exp2_fraction(f), rounded);
}
#endif
inline constexpr float kExponentRounder = kRounder / kPowers;

// exp2(dt * a2); without kClamp the product must be above kMinExponent.
template <bool kClamp>
HWY_INLINE V decay_of(V dt, V a2) {
  const V rounder = broadcast(kExponentRounder);
  if constexpr (kClamp) {
    const V x = hn::Max(hn::Mul(dt, a2), broadcast(kMinExponent));
    const V rounded = hn::Add(x, rounder);
    return power_of_two(hn::Sub(x, hn::Sub(rounded, rounder)), rounded);
  } else {
    const V rounded = hn::MulAdd(dt, a2, rounder);
    return power_of_two(hn::MulSub(dt, a2, hn::Sub(rounded, rounder)), rounded);
  }
}

// exp(-|x|), relatively accurate: the range is reduced in two steps (ln 2 = high + low).
HWY_INLINE V exp_of_minus_abs(V x) {
  const V y = hn::Max(hn::Or(x, hn::SignBit(D())), broadcast(-86.0f)), rounder = broadcast(kExponentRounder);
  const V rounded = hn::MulAdd(y, broadcast(1.44269504f), rounder), whole = hn::Sub(rounded, rounder);
  V rest = hn::NegMulAdd(whole, broadcast(0.693359375f), y);
  rest = hn::NegMulAdd(whole, broadcast(-2.12194440e-4f), rest);
  return power_of_two(hn::Mul(rest, broadcast(1.44269504f)), rounded);
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

// Copies the groups' tiles in from rows of `layout.channel_stride` floats, a pixel after the other: its
// channels are neighbours. Channels that do not exist become zero.
template <class Group>
HWY_INLINE void load_tiles(const TileLayout& layout, std::span<const Group> groups, const TilePixels& pixels,
                           const float* from, float* tiles) {
  for (std::int64_t t = 0; t < pixels.count; ++t) {
    for (std::size_t g = 0; g < groups.size(); ++g) {
      const float* row = from + pixels.index[t] * layout.channel_stride + g * kTileChannels;
      float* to = tiles + g * kTileSize + t * kTileChannels;
      if (groups[g].channels == kTileChannels) {
        for (std::int64_t j = 0; j < kTileChannels; j += kLanes)
          hn::Store(hn::LoadU(D(), row + j), D(), to + j);
      } else {
        for (std::int64_t c = 0; c < kTileChannels; ++c) to[c] = c < groups[g].channels ? row[c] : 0.0f;
      }
    }
  }
}

template <class Group>
HWY_INLINE void store_tiles(const TileLayout& layout, std::span<const Group> groups, const TilePixels& pixels,
                            const float* tiles, bool add, float* to) {
  for (std::int64_t t = 0; t < pixels.count; ++t) {
    for (std::size_t g = 0; g < groups.size(); ++g) {
      float* row = to + pixels.index[t] * layout.channel_stride + g * kTileChannels;
      const float* from = tiles + g * kTileSize + t * kTileChannels;
      if (groups[g].channels == kTileChannels) {
        for (std::int64_t j = 0; j < kTileChannels; j += kLanes) {
          const V value = hn::Load(D(), from + j);
          hn::StoreU(add ? hn::Add(value, hn::LoadU(D(), row + j)) : value, D(), row + j);
        }
      } else {
        for (std::int64_t c = 0; c < groups[g].channels; ++c) row[c] = add ? row[c] + from[c] : from[c];
      }
    }
  }
}

// What one of a tile's groups fetches into the cache for the next tile, a pixel's lines at a time: all at
// once they would fill the queue of misses, and what the tile itself needs would wait behind them.
template <std::size_t kArrays>
struct Ahead {
  const TileLayout& layout;
  const TilePixels& next;
  std::array<const float*, kArrays> rows;  // the group's channels in pixel 0
  const float* x;
  std::int64_t group, groups;  // which share the lines of x

  HWY_INLINE void fetch(std::int64_t t) const {
    constexpr std::int64_t kLine = 16;
    if (t >= next.count) return;
    for (const float* row : rows) __builtin_prefetch(row + next.index[t] * layout.channel_stride);
    const float* row = x + next.index[t] * layout.x_stride;
    for (std::int64_t i = group * kLine; i < layout.rank + 2 * layout.state; i += groups * kLine)
      __builtin_prefetch(row + i);
  }
};

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

// dt = softplus(projection) of a tile. Calls each(i, projection, exp(-|projection|), dt) for every vector,
// from number i of the tile on. Returns whether no decay of the tile needs the clamp (true of all but the
// wildest).
template <class Each>
HWY_INLINE bool tile_steps(const TileLayout& layout, const TileWeights& weights, const TilePixels& pixels,
                           const float* x, float* dt, Each each) {
  std::int64_t t = 0;
  for (; t + kProjectedAtOnce <= pixels.count; t += kProjectedAtOnce) {
    project_steps<kProjectedAtOnce>(layout, weights, x, pixels.index + t, dt + t * kTileChannels);
  }
  for (; t < pixels.count; ++t) {
    project_steps<1>(layout, weights, x, pixels.index + t, dt + t * kTileChannels);
  }
  bool in_range = true;
  for (std::int64_t j = 0; j < kTileChannels; j += kLanes) {
    V longest = hn::Zero(D());
    for (std::int64_t i = j; i < pixels.count * kTileChannels; i += kTileChannels) {
      const V projection = hn::Load(D(), dt + i), e = exp_of_minus_abs(projection),
              step = softplus(projection, e);
      hn::Store(step, D(), dt + i);
      longest = hn::Max(longest, step);
      each(i, projection, e, step);
    }
    const V exponent = hn::Mul(longest, hn::Load(D(), weights.a2_min + j));
    in_range = in_range && hn::AllTrue(D(), hn::Gt(exponent, broadcast(kMinExponent)));
  }
  return in_range;
}

}  // namespace HWY_NAMESPACE
}  // namespace seg
HWY_AFTER_NAMESPACE();

#endif  // the per-target include guard
