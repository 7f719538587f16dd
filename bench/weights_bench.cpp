// A checkpoint of 240 MB: opening it memory-mapped, with all of it in memory afterwards.
// Counters: read_ratio is the least processor time over that of read()ing the file in pieces of 1 MiB;
// memory_ratio is how much the resident memory grows, over the file's size. Goals: 1.5 and 1.2.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <vector>

#include "weights/pth.h"
#include "weights/safetensors.h"
#include "weights/weights.h"

namespace seg::bench {
namespace {

constexpr std::size_t kTensors = 60, kFloats = 1'000'000;

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double all = 0, resident = 0;
  statm >> all >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

void write_file(const fs::path& path) {
  std::vector<float> values(kFloats);
  for (std::size_t i = 0; i < kFloats; ++i) values[i] = static_cast<float>(i);
  // Values of their own for each tensor: equal ones would be stored once.
  std::vector<std::vector<float>> all(kTensors, values);
  std::vector<TensorView> tensors;
  for (std::size_t i = 0; i < kTensors; ++i) {
    tensors.push_back(
        {"layer." + std::to_string(i), TensorType::f32, {kFloats}, std::as_bytes(std::span(all[i]))});
  }
  if (path.extension() == ".safetensors") return write_safetensors(path, tensors, {});
  PthWriter writer;
  writer.state_dict(tensors);
  writer.write(path);
}

void read_once(const fs::path& path) {
  std::vector<char> piece(1 << 20);
  const int file = ::open(path.c_str(), O_RDONLY);
  while (::read(file, piece.data(), piece.size()) > 0) benchmark::DoNotOptimize(piece.data());
  ::close(file);
}

/// Has every page of the arrays in memory. (Opening a .pth has read every byte already, for its checksums.)
unsigned touch(const NamedArrays& file) {
  constexpr std::size_t kPage = 4096;
  unsigned sum = 0;
  for (const auto& tensor : file.tensors()) {
    for (std::size_t i = 0; i < tensor.bytes.size(); i += kPage)
      sum += std::to_integer<unsigned>(tensor.bytes[i]);
  }
  return sum;
}

/// Processor time: the file is in the page cache, and other programs may run.
template <class Body>
void keep_best(double& best, Body body) {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  };
  const double start = now();
  body();
  best = std::min(best, now() - start);
}

void weights_load(benchmark::State& state, const char* ending) {
  const fs::path path = fs::temp_directory_path() / ("seg-bench" + std::string(ending));
  write_file(path);
  double read = 1e30, load = 1e30, memory = 0;
  read_once(path);
  for (auto _ : state) {
    keep_best(read, [&] { read_once(path); });
    const double before = resident_bytes();
    keep_best(load, [&] {
      const NamedArrays file = open_weights(path);
      benchmark::DoNotOptimize(touch(file));
      memory = std::max(memory, resident_bytes() - before);
    });
  }
  state.counters["read_ms"] = read * 1e3;
  state.counters["load_ms"] = load * 1e3;
  state.counters["read_ratio"] = load / read;
  state.counters["memory_ratio"] = memory / static_cast<double>(fs::file_size(path));
  fs::remove(path);
}

BENCHMARK_CAPTURE(weights_load, pth, ".pth")->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(weights_load, safetensors, ".safetensors")->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace seg::bench
