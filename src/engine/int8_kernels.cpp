#include "engine/int8_kernels.h"

#include <algorithm>

#include "base/threads.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/int8_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace seg::engine {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Some pixels of a block of 16 channels.
void quantize_block(std::int64_t pixels, std::int64_t x_stride, std::int64_t y_stride, const Int8Scale& scale,
                    const float* x, std::int8_t* y) {
  const hn::CappedTag<float, 16> d;
  const hn::Rebind<std::int32_t, decltype(d)> whole;
  const hn::Rebind<std::int8_t, decltype(d)> bytes;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto zero = hn::Set(whole, scale.zero_point);
  const auto factor = hn::Set(d, 1 / scale.scale);
  const auto least = hn::Set(d, static_cast<float>(-128 - scale.zero_point));
  const auto most = hn::Set(d, static_cast<float>(127 - scale.zero_point));
  for (std::int64_t p = 0; p < pixels; ++p, x += x_stride, y += y_stride) {
    for (std::int64_t c = 0; c < kBlock; c += lanes) {
      const auto scaled = hn::Mul(hn::LoadU(d, x + c), factor);
      const auto within = hn::Max(hn::Min(scaled, most), least);
      hn::StoreU(hn::DemoteTo(bytes, hn::Add(hn::NearestInt(within), zero)), bytes, y + c);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace seg::engine
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace seg::engine {
namespace {

HWY_EXPORT(quantize_block);

constexpr std::int64_t kChunk = 256;  // pixels

}  // namespace

void quantize(const Strides& strides, const MapsShape& shape, const Int8Scale& scale, const float* x,
              std::int8_t* y) {
  const std::int64_t chunks = ceil_div(shape.pixels(), kChunk);
  parallel_for(shape.images * chunks, [&](std::int64_t task) {
    const std::int64_t image = task / chunks, first = task % chunks * kChunk;
    const std::int64_t count = std::min(kChunk, shape.pixels() - first);
    for (std::int64_t block = 0; block < shape.channels / kBlock; ++block) {
      HWY_DYNAMIC_DISPATCH(quantize_block)
      (count, strides.pixel, shape.channels, scale,
       x + image * strides.image + block * strides.block + first * strides.pixel,
       y + (image * shape.pixels() + first) * shape.channels + block * kBlock);
    }
  });
}

}  // namespace seg::engine
#endif  // HWY_ONCE
