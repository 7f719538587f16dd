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

/// The data pipeline on one thread, against nnU-Net's CPU seconds; and its peak memory.
std::vector<Target> pipeline_targets();

/// Runs a set of targets and prints its table. Returns true where every row is within its limit.
bool meets_targets(std::string_view name);

}  // namespace seg::bench
