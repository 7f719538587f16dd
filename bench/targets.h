// Figures that the program has to reach: `bench --targets NAME` prints them and fails where one falls short.
#pragma once
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace seg::bench {

/// One row: less is better, and `ours` has to stay within `limit`.
struct Target {
  std::string what, unit;
  double reference, ours, limit;
};

/// CPU seconds that this process has used on all its threads.
double cpu_seconds();

/// The least CPU seconds of a few runs of `body`: the machine may be busy with other things.
template <class Body>
double best_cpu_seconds(int runs, Body body) {
  double best = 1e30;
  for (int i = 0; i < runs; ++i) {
    const double start = cpu_seconds();
    body();
    best = std::min(best, cpu_seconds() - start);
  }
  return best;
}

double wall_seconds();

/// The least wall seconds of a few runs of `body`.
template <class Body>
double best_wall_seconds(int runs, Body body) {
  double best = 1e30;
  for (int i = 0; i < runs; ++i) {
    const double start = wall_seconds();
    body();
    best = std::min(best, wall_seconds() - start);
  }
  return best;
}

/// Wall seconds of `body(2)`, on two threads, as a share of those of `body(1)`: the best of a few runs of
/// each, taken in turns.
template <class Body>
double two_thread_share(int runs, Body body) {
  double best[2]{1e30, 1e30};
  for (int i = 0; i < runs; ++i) {
    for (const int threads : {1, 2}) {
      const double start = wall_seconds();
      body(threads);
      best[threads - 1] = std::min(best[threads - 1], wall_seconds() - start);
    }
  }
  return best[1] / best[0];
}

/// The data pipeline on one thread, against nnU-Net's CPU seconds; its peak memory, and what a second thread
/// saves.
std::vector<Target> pipeline_targets();

/// The scan and the engine's networks against what they replace. Only in builds with LibTorch.
std::vector<Target> cpu_targets();

/// Runs a set of targets and prints its table. Returns true where every row is within its limit.
bool meets_targets(std::string_view name);

}  // namespace seg::bench
