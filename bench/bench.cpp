// Runs the benchmarks (--benchmark_filter=... picks some) and prints the peak memory; or, with --targets
// NAME, compares figures with what they have to be and exits with 1 where one falls short; or, with --report,
// prints where the time goes.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <exception>
#include <string_view>

#include "base/memory.h"
#include "base/start.h"
#include "report.h"
#include "targets.h"

int main(int argc, char** argv) {
  seg::start_anew(argv);  // with the environment that the launcher gives the program
  try {
    if (argc == 3 && std::string_view(argv[1]) == "--targets")
      return seg::bench::meets_targets(argv[2]) ? 0 : 1;
#ifdef SEG_WITH_TORCH
    if (argc == 2 && std::string_view(argv[1]) == "--report") {
      seg::bench::print_report();
      for (const char* name : {"swin_umamba", "swin_umamba_d"}) seg::bench::print_training_report(name);
      return 0;
    }
#endif
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return 2;
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();

  fmt::print("peak memory: {:.0f} MiB\n", seg::peak_memory_mib());
  return 0;
}
