#include "ceilings.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <vector>

#include "base/threads.h"
#include "targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/ceilings.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ops/scan_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace seg {
namespace HWY_NAMESPACE {

constexpr int kSums = 12;  // enough to hide the latency of a multiply-add

/// Returns its operations.
double multiply_add(std::int64_t rounds, float* sink) {
  V sums[kSums];
  for (int i = 0; i < kSums; ++i) sums[i] = broadcast(static_cast<float>(i));
  const V factor = broadcast(sink[0]), offset = broadcast(sink[1]);
  for (std::int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < kSums; ++i) sums[i] = hn::MulAdd(sums[i], factor, offset);
  }
  for (int i = 1; i < kSums; ++i) sums[0] = hn::Add(sums[0], sums[i]);
  sink[2] = hn::GetLane(sums[0]);
  return 2.0 * kSums * static_cast<double>(kLanes * rounds);
}

/// `rounds` pixels of kLanes channels; the states' `rates` are unknown to the compiler, that none is computed
/// for all.
void scan_arithmetic(std::int64_t rounds, const float* rates, float* sink) {
  constexpr int kStates = 16, kPart = kStatesAtOnce;
  for (int part = 0; part < kStates; part += kPart) {
    V h[kPart];
    for (V& state : h) state = broadcast(sink[0]);
    HWY_ALIGN float a2[kPart * kLanes];
    for (int n = 0; n < kPart; ++n) hn::Store(broadcast(rates[part + n]), D(), a2 + n * kLanes);
    const V b = broadcast(sink[2]), c = broadcast(sink[3]), change = broadcast(sink[4]);
    V step = broadcast(sink[1]), sum = broadcast(0);
    for (std::int64_t round = 0; round < rounds; ++round, step = hn::Add(step, change)) {
#pragma GCC unroll 16
      for (int n = 0; n < kPart; ++n) {
        const V decay = decay_of<false>(step, hn::Load(D(), a2 + n * kLanes));
        h[n] = hn::MulAdd(decay, h[n], hn::Mul(step, b));
        sum = hn::MulAdd(h[n], c, sum);
      }
    }
    sink[5] = hn::GetLane(sum);
  }
}

std::int64_t scan_lanes() {
  return kLanes;
}

}  // namespace HWY_NAMESPACE
}  // namespace seg
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace seg {
HWY_EXPORT(multiply_add);
HWY_EXPORT(scan_arithmetic);
HWY_EXPORT(scan_lanes);

namespace bench {
namespace {

constexpr int kRuns = 5;

}  // namespace

double peak_flops() {
  constexpr std::int64_t kRounds = 2'000'000;
  double flops = 0;
  const double seconds = best_wall_seconds(kRuns, [&] {
    parallel_for(thread_count(), [&](std::int64_t thread) {
      float sink[3] = {0.5f, 0.25f, 0};
      const double mine = HWY_DYNAMIC_DISPATCH(multiply_add)(kRounds, sink);
      benchmark::DoNotOptimize(sink[2]);
      if (thread == 0) flops = mine * thread_count();
    });
  });
  return flops / seconds;
}

double memory_bytes() {
  constexpr std::int64_t kValues = 32 << 20, kPart = kValues / 64;
  std::vector<float> from(kValues, 1), to(kValues);
  const double seconds = best_wall_seconds(kRuns, [&] {
    parallel_for(64, [&](std::int64_t part) {
      const float* in = from.data() + part * kPart;
      float* out = to.data() + part * kPart;
      for (std::int64_t i = 0; i < kPart; ++i) out[i] = 2 * in[i];
    });
    benchmark::ClobberMemory();
  });
  return 2.0 * kValues * sizeof(float) / seconds;
}

double scan_floor_seconds(std::int64_t elements) {
  return best_cpu_seconds(kRuns, [&] {
    float sink[6] = {0.1f, 0.01f, 0.5f, 0.5f, 1e-9f, 0}, rates[16];
    for (int n = 0; n < 16; ++n) rates[n] = static_cast<float>(-1 - n);
    HWY_DYNAMIC_DISPATCH(scan_arithmetic)(elements / HWY_DYNAMIC_DISPATCH(scan_lanes)(), rates, sink);
    benchmark::DoNotOptimize(sink[5]);
  });
}

}  // namespace bench
}  // namespace seg
#endif  // HWY_ONCE
