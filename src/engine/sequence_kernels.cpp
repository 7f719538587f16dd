#include "engine/sequence_kernels.h"

#include <algorithm>
#include <cmath>

#include "base/threads.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/sequence_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ops/scan_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace seg::engine {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using seg::HWY_NAMESPACE::D;
using seg::HWY_NAMESPACE::kLanes;
using seg::HWY_NAMESPACE::V;

V silu(V x) {
  return hn::Mul(x, seg::HWY_NAMESPACE::sigmoid(x, seg::HWY_NAMESPACE::exp_of_minus_abs(x)));
}
float silu(float x) {
  return x / (1 + std::exp(-x));
}

void conv_tokens(const CausalConv& conv, std::int64_t first, std::int64_t end, const float* x,
                 std::int64_t stride, float* u) {
  for (std::int64_t token = first; token < end; ++token) {
    const float* row = x + (token - kTaps + 1) * stride;  // of the first tap
    const std::int64_t first_tap = std::max<std::int64_t>(0, kTaps - 1 - token);
    float* out = u + token * conv.channels;
    std::int64_t c = 0;
    for (; c + kLanes <= conv.channels; c += kLanes) {
      V sum = hn::LoadU(D(), conv.bias + c);
      for (std::int64_t tap = first_tap; tap < kTaps; ++tap) {
        sum = hn::MulAdd(hn::LoadU(D(), row + tap * stride + c),
                         hn::LoadU(D(), conv.weight + tap * conv.channels + c), sum);
      }
      hn::StoreU(silu(sum), D(), out + c);
    }
    for (; c < conv.channels; ++c) {
      float sum = conv.bias[c];
      for (std::int64_t tap = first_tap; tap < kTaps; ++tap)
        sum += row[tap * stride + c] * conv.weight[tap * conv.channels + c];
      out[c] = silu(sum);
    }
  }
}

void gate_row(std::int64_t channels, const float* gate, float* y) {
  std::int64_t c = 0;
  for (; c + kLanes <= channels; c += kLanes)
    hn::StoreU(hn::Mul(hn::LoadU(D(), y + c), silu(hn::LoadU(D(), gate + c))), D(), y + c);
  for (; c < channels; ++c) y[c] *= silu(gate[c]);
}

}  // namespace HWY_NAMESPACE
}  // namespace seg::engine
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace seg::engine {
namespace {

HWY_EXPORT(conv_tokens);
HWY_EXPORT(gate_row);

/// Calls f(image, first, end) for neighbouring tokens of an image.
template <class F>
void for_some_tokens(std::int64_t images, std::int64_t length, F f) {
  constexpr std::int64_t kTokens = 64;
  const std::int64_t parts = (length + kTokens - 1) / kTokens;
  parallel_for(images * parts, [&](std::int64_t task) {
    const std::int64_t first = task % parts * kTokens;
    f(task / parts, first, std::min(length, first + kTokens));
  });
}

}  // namespace

void causal_conv_silu(const CausalConv& conv, std::int64_t images, std::int64_t length, const float* x,
                      std::int64_t stride, float* u) {
  for_some_tokens(images, length, [&](std::int64_t image, std::int64_t first, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(conv_tokens)
    (conv, first, end, x + image * length * stride, stride, u + image * length * conv.channels);
  });
}

void gate_silu(std::int64_t length, std::int64_t channels, const float* gate, std::int64_t stride, float* y) {
  for_some_tokens(1, length, [&](std::int64_t, std::int64_t first, std::int64_t end) {
    for (std::int64_t token = first; token < end; ++token)
      HWY_DYNAMIC_DISPATCH(gate_row)(channels, gate + token * stride, y + token * channels);
  });
}

}  // namespace seg::engine
#endif  // HWY_ONCE
