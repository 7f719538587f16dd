// Runs the benchmarks (--benchmark_filter=... picks some) and prints the peak memory.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <sys/resource.h>

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  fmt::print("peak memory: {} MiB\n", usage.ru_maxrss / 1024);
  return 0;
}
