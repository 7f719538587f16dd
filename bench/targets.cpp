#include "targets.h"

#include <fmt/format.h>
#include <time.h>

#include "base/error.h"
#include "base/suggest.h"

namespace seg::bench {
namespace {

struct TargetSet {
  std::string_view name;
  std::vector<Target> (*run)();
};

double clock_seconds(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

constexpr TargetSet kSets[] = {
    {"pipeline", pipeline_targets},
#ifdef SEG_WITH_TORCH
    {"cpu", cpu_targets},
#endif
};

}  // namespace

double cpu_seconds() {
  return clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
}

double wall_seconds() {
  return clock_seconds(CLOCK_MONOTONIC);
}

bool meets_targets(std::string_view name) {
  std::vector<std::string> known;
  for (const auto& set : kSets) {
    known.emplace_back(set.name);
    if (set.name != name) continue;
    bool all = true;
    fmt::print("{:<66} {:>10} {:>10} {:>7} {:>8}\n", "what", "reference", "ours", "ratio", "limit");
    for (const Target& row : set.run()) {
      const bool met = row.ours <= row.limit;
      all = all && met;
      fmt::print("{:<66} {:>10.4g} {:>10.4g} {:>6.3g}x {:>8.3g} {}{}\n", row.what, row.reference, row.ours,
                 row.reference / row.ours, row.limit, row.unit, met ? "" : "   FALLS SHORT");
    }
    return all;
  }
  fail_unknown("set of targets", name, known);
}

}  // namespace seg::bench
