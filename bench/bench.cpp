// Runs the benchmarks (--benchmark_filter=... picks some) and prints the peak memory.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "base/memory.h"

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();

  fmt::print("peak memory: {:.0f} MiB\n", seg::peak_memory_mib());
  return 0;
}
