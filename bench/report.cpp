#include "report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/threads.h"
#include "ceilings.h"
#include "engine/graph.h"
#include "net/set_up_torch.h"
#include "network_case.h"
#include "targets.h"

namespace seg::bench {
namespace {

constexpr int kRuns = 7;

struct Group {
  std::string kind;
  double seconds = 0;
  engine::Work work;
};

/// The groups of the run that took the least time, the slowest first.
std::vector<Group> groups_of(NetworkCase& network, engine::Engine engine) {
  std::map<std::string, Group> best, groups;
  double least = 1e30, total = 0;
  engine.observe([&](const engine::StepTime& step) {
    Group& group =
        groups.try_emplace(std::string(step.kind), Group{std::string(step.kind), 0, {}}).first->second;
    group.seconds += step.seconds;
    group.work.flops += step.work.flops;
    group.work.bytes += step.work.bytes;
    total += step.seconds;
  });
  for (int i = 0; i < kRuns; ++i) {
    groups.clear();
    total = 0;
    network.run(engine);
    if (total < least) best = groups;
    least = std::min(least, total);
  }
  std::vector<Group> sorted;
  for (auto& [kind, group] : best) sorted.push_back(std::move(group));
  std::ranges::sort(sorted, std::ranges::greater(), &Group::seconds);
  return sorted;
}

void print_group(const Group& group, double total, double flops, double bytes) {
  // What memory and arithmetic would need at their best, one behind the other hidden.
  const double least = std::max(group.work.flops / flops, group.work.bytes / bytes);
  fmt::print("| {} | {:.1f} | {:.0f} % | {:.1f} | {:.0f} | {:.1f} | {:.0f} % | {} |\n", group.kind,
             1e3 * group.seconds, 100 * group.seconds / total, 1e-9 * group.work.flops,
             1e-9 * group.work.flops / group.seconds, 1e-9 * group.work.bytes / group.seconds,
             100 * least / group.seconds,
             group.work.flops / flops > group.work.bytes / bytes ? "arithmetic" : "memory");
}

void print_groups(const std::string& title, const std::vector<Group>& groups, double flops, double bytes) {
  Group all{"all", 0, {}};
  for (const Group& group : groups) {
    all.seconds += group.seconds;
    all.work.flops += group.work.flops;
    all.work.bytes += group.work.bytes;
  }
  fmt::print(
      "\n{}, {}x{}, {} threads\n\n| layers | ms | of all | GF | GF/s | GB/s | of the ceiling | which is |\n",
      title, NetworkCase::kSize, NetworkCase::kSize, thread_count());
  fmt::print("|---|---|---|---|---|---|---|---|\n");
  for (const Group& group : groups) print_group(group, all.seconds, flops, bytes);
  print_group(all, all.seconds, flops, bytes);
}

/// What small tiles gain by going through a network together.
void print_tiles() {
  constexpr std::int64_t kTile = 64, kTogether = 16;
  fmt::print("\n{0}x{0} tiles, {1} threads\n\n| network | ms for one | ms for {2} together | gain |\n", kTile,
             thread_count(), kTogether);
  fmt::print("|---|---|---|---|\n");
  const auto print_row = [](const std::string& title, NetworkCase& one, NetworkCase& several,
                            engine::Engine engine) {
    double alone = 1e30, together = 1e30;
    for (int i = 0; i < 1 + kRuns; ++i) {  // the first to warm up
      alone = std::min(alone, best_wall_seconds(1, [&] { one.run(engine); }));
      together = std::min(together, best_wall_seconds(1, [&] { several.run(engine); }));
    }
    fmt::print("| {} | {:.1f} | {:.1f} | {:.1f}x |\n", title, 1e3 * alone, 1e3 * together,
               kTogether * alone / together);
  };
  for (const char* name : {"swin_umamba", "swin_umamba_d", "nnunet", "umamba_bot", "umamba_enc"}) {
    NetworkCase one(name, kTile), several(name, kTile, kTogether);
    print_row(name, one, several, one.engine());
    print_row(fmt::format("{} in int8", name), one, several, one.int8_engine());
  }
}

}  // namespace

void print_report() {
  set_up_torch();
  const double flops = peak_flops(), bytes = memory_bytes();
  fmt::print("ceilings on {} threads: {:.0f} GF/s of multiply-adds, {:.1f} GB/s of memory\n", thread_count(),
             1e-9 * flops, 1e-9 * bytes);
  for (const char* name : {"swin_umamba", "swin_umamba_d"}) {
    NetworkCase network(name);
    print_groups(name, groups_of(network, network.engine()), flops, bytes);
    print_groups(fmt::format("{} in int8", name), groups_of(network, network.int8_engine()), flops, bytes);
  }
  print_tiles();
}

}  // namespace seg::bench
