// The cross scan at the four sizes of SwinUMamba on a 320x320 image, against a plain loop on one thread.
// Counters: ns_per_element is the best run's wall time per (direction, channel, pixel); plain_ratio is how
// many times longer the plain loop takes, timed in the same process on the same data.
#include <benchmark/benchmark.h>
#include <time.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "base/rng.h"
#include "base/threads.h"
#include "ops/cross_scan.h"
#include "plain_scan.h"

namespace seg::bench {
namespace {

class Problem {
 public:
  explicit Problem(std::int64_t channels)
      : shape{1, 15360 / channels, 15360 / channels, channels, 16, channels / 32} {
    Rng rng(channels);
    const auto fill = [&](std::vector<float>& values, std::int64_t count, double mean, double spread) {
      values.resize(count);
      for (float& value : values) value = static_cast<float>(mean + spread * rng.normal());
    };
    const std::int64_t rows = 4 * channels, columns = 4 * (shape.dt_rank + 2 * shape.state);
    fill(u, shape.pixels() * channels, 0, 1);
    fill(dy, shape.pixels() * channels, 0, 1);
    fill(x_dbl, shape.pixels() * columns, 0, 1);
    fill(dt_weight, rows * shape.dt_rank, 0, 0.5 / std::sqrt(shape.dt_rank));
    fill(dt_bias, rows, -4, 1);
    fill(a_log, rows * shape.state, 1.5, 0.7);
    fill(skip, rows, 1, 0.1);
    for (const auto* like : {&u, &x_dbl, &dt_weight, &dt_bias, &a_log, &skip})
      gradients.emplace_back(like->size());
    y.resize(u.size());
  }

  CrossScanInputs inputs() const {
    return {u.data(), x_dbl.data(), dt_weight.data(), dt_bias.data(), a_log.data(), skip.data()};
  }
  CrossScanGradients outputs() {
    return {gradients[0].data(), gradients[1].data(), gradients[2].data(),
            gradients[3].data(), gradients[4].data(), gradients[5].data()};
  }
  double elements() const { return 4.0 * shape.channels * shape.pixels(); }

  const CrossScanShape shape;
  std::vector<float> u, dy, x_dbl, dt_weight, dt_bias, a_log, skip, y;
  std::vector<std::vector<float>> gradients;
};

Problem& problem(std::int64_t channels) {
  static std::map<std::int64_t, Problem> problems;
  return problems.try_emplace(channels, channels).first->second;
}

struct Seconds {
  double core = 1e30, wall = 1e30;
};

double now(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

template <class Body>
void keep_best(Seconds& best, Body body) {
  const double core = now(CLOCK_PROCESS_CPUTIME_ID), wall = now(CLOCK_MONOTONIC);
  body();
  best.core = std::min(best.core, now(CLOCK_PROCESS_CPUTIME_ID) - core);
  best.wall = std::min(best.wall, now(CLOCK_MONOTONIC) - wall);
}

// The best of three, timed once per size.
template <class Body>
double plain_seconds(std::map<std::int64_t, Seconds>& known, std::int64_t channels, Body body) {
  const auto [found, is_new] = known.try_emplace(channels);
  for (int i = 0; is_new && i < 3; ++i) keep_best(found->second, body);
  return found->second.core;
}

template <class Body>
void run(benchmark::State& state, const Problem& p, double plain, Body body) {
  set_thread_count(static_cast<int>(state.range(1)));
  Seconds best;
  for (auto _ : state) keep_best(best, body);
  state.counters["core_ns"] = best.core / p.elements() * 1e9;
  state.counters["wall_ns"] = best.wall / p.elements() * 1e9;
  state.counters["plain_ratio"] = plain / best.core;
  set_thread_count(0);
}

void scan_forward(benchmark::State& state) {
  static std::map<std::int64_t, Seconds> known;
  Problem& p = problem(state.range(0));
  const double plain =
      plain_seconds(known, p.shape.channels, [&] { plain_scan_forward(p.shape, p.inputs(), p.y.data()); });
  run(state, p, plain, [&] { cross_scan_forward(p.shape, p.inputs(), p.y.data()); });
}

void scan_backward(benchmark::State& state) {
  static std::map<std::int64_t, Seconds> known;
  Problem& p = problem(state.range(0));
  const double plain = plain_seconds(
      known, p.shape.channels, [&] { plain_scan_backward(p.shape, p.inputs(), p.dy.data(), p.outputs()); });
  run(state, p, plain, [&] { cross_scan_backward(p.shape, p.inputs(), p.dy.data(), p.outputs()); });
}

void sizes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"channels", "threads"})->Unit(benchmark::kMillisecond)->UseRealTime();
  for (const int channels : {192, 384, 768, 1536}) {
    for (const int threads : {1, 2}) bench->Args({channels, threads});
  }
}

BENCHMARK(scan_forward)->Apply(sizes);
BENCHMARK(scan_backward)->Apply(sizes);

}  // namespace
}  // namespace seg::bench
