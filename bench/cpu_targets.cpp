// The scan and the networks against what they replace, timed in turns in one run.
#include <fmt/format.h>
#include <torch/types.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/threads.h"
#include "ceilings.h"
#include "engine/graph.h"
#include "net/set_up_torch.h"
#include "network_case.h"
#include "plain_scan.h"
#include "program_targets.h"
#include "scan_problem.h"
#include "targets.h"

namespace seg::bench {
namespace {

constexpr int kRuns = 5;

void add_scan_rows(std::vector<Target>& rows) {
  set_thread_count(1);
  for (const std::int64_t channels : {192, 384, 768, 1536}) {
    ScanProblem p(channels);
    const auto add = [&](const char* way, double plain, double ours, double gain) {
      rows.push_back({fmt::format("scan {}, {} channels, against a plain loop, 1 thread", way, channels),
                      "CPU s", plain, ours, plain / gain});
    };
    double forward = 1e30, floor = 1e30;
    for (int i = 0; i < 4 * kRuns; ++i) {  // in turns: the machine may be slow for a while
      forward = std::min(forward, best_cpu_seconds(1, [&] { p.forward(); }));
      floor = std::min(floor, scan_floor_seconds(static_cast<std::int64_t>(p.elements())));
    }
    add("forward", best_cpu_seconds(2, [&] { plain_scan_forward(p.shape, p.inputs(), p.y.data()); }), forward,
        25);
    add("backward",
        best_cpu_seconds(2, [&] { plain_scan_backward(p.shape, p.inputs(), p.dy.data(), p.outputs()); }),
        best_cpu_seconds(
            kRuns,
            [&] { cross_scan_backward(p.shape, p.inputs(), p.states.data(), p.dy.data(), p.outputs()); }),
        20);
    rows.push_back({fmt::format("scan forward, {} channels, against its arithmetic alone", channels), "CPU s",
                    floor, forward, floor / 0.6});
  }
  set_thread_count(0);
}

/// Operations a second of OpenBLAS, by a product of large matrices.
double sgemm_flops() {
  constexpr std::int64_t kSide = 2048;
  const Tensor a = torch::randn({kSide, kSide}), b = torch::randn({kSide, kSide});
  return 2.0 * kSide * kSide * kSide / best_wall_seconds(kRuns, [&] { torch::mm(a, b); });
}

void add_network_rows(std::vector<Target>& rows, const char* name, double gain) {
  NetworkCase network(name);
  engine::Engine engine = network.engine();
  const auto forward = [&] { network.network()->forward(network.images()); };
  const auto run = [&] { network.run(engine); };
  forward();
  run();
  double torch_seconds = 1e30, seconds = 1e30;
  for (int i = 0; i < kRuns; ++i) {
    torch_seconds = std::min(torch_seconds, best_wall_seconds(1, forward));
    seconds = std::min(seconds, best_wall_seconds(1, run));
  }
  rows.push_back({fmt::format("{}, 320x320, engine against LibTorch, {} threads", name, thread_count()), "s",
                  torch_seconds, seconds, torch_seconds / gain});
}

void add_rate_and_int8_rows(std::vector<Target>& rows, const char* name) {
  NetworkCase network(name);
  engine::Engine engine = network.engine(), int8_engine = network.int8_engine();
  double flops = 0, seconds = 1e30, int8_seconds = 1e30;
  engine.observe([&](const engine::StepTime& step) { flops += step.work.flops; });
  network.run(engine);
  engine.observe({});
  for (int i = 0; i < kRuns; ++i) {
    seconds = std::min(seconds, best_wall_seconds(1, [&] { network.run(engine); }));
    int8_seconds = std::min(int8_seconds, best_wall_seconds(1, [&] { network.run(int8_engine); }));
  }
  const double at_sgemm_rate = flops / sgemm_flops();
  rows.push_back({fmt::format("{}, against its operations at OpenBLAS's SGEMM rate", name), "s",
                  at_sgemm_rate, seconds, at_sgemm_rate});
  rows.push_back({fmt::format("{}, int8 against float32, {} threads", name, thread_count()), "s", seconds,
                  int8_seconds, seconds / 1.3});
}

}  // namespace

std::vector<Target> cpu_targets() {
  set_up_torch();
  const torch::InferenceMode inference;
  std::vector<Target> rows;
  add_scan_rows(rows);
  add_network_rows(rows, "swin_umamba", 2.3);
  add_network_rows(rows, "swin_umamba_d", 2.0);
  add_rate_and_int8_rows(rows, "swin_umamba");
  add_program_rows(rows, "swin_umamba", 400);
  add_program_rows(rows, "swin_umamba_d", 250);
  return rows;
}

}  // namespace seg::bench
