// The cross scan at the four sizes of SwinUMamba on a 320x320 image, against a plain loop on one thread.
// Counters: ns_per_element is the best run's wall time per (direction, channel, pixel); plain_ratio is how
// many times longer the plain loop takes, timed in the same process on the same data.
#include <benchmark/benchmark.h>
#include <time.h>

#include <algorithm>
#include <map>
#include <vector>

#include "base/threads.h"
#include "plain_scan.h"
#include "scan_problem.h"

namespace seg::bench {
namespace {

ScanProblem& problem(std::int64_t channels) {
  static std::map<std::int64_t, ScanProblem> problems;
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
void run(benchmark::State& state, const ScanProblem& p, double plain, Body body) {
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
  ScanProblem& p = problem(state.range(0));
  const double plain =
      plain_seconds(known, p.shape.channels, [&] { plain_scan_forward(p.shape, p.inputs(), p.y.data()); });
  run(state, p, plain, [&] { p.forward(); });
}

void scan_backward(benchmark::State& state) {
  static std::map<std::int64_t, Seconds> known;
  ScanProblem& p = problem(state.range(0));
  const double plain = plain_seconds(
      known, p.shape.channels, [&] { plain_scan_backward(p.shape, p.inputs(), p.dy.data(), p.outputs()); });
  run(state, p, plain,
      [&] { cross_scan_backward(p.shape, p.inputs(), p.states.data(), p.dy.data(), p.outputs()); });
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
