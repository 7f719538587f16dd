// Whole networks on a 320x320 image: one forward pass, and one training step of two images.
#include <benchmark/benchmark.h>

#include "network_case.h"
#include "training_case.h"

namespace seg::bench {
namespace {

void forward(benchmark::State& state, const char* name) {
  const torch::InferenceMode inference;
  const NetworkCase network(name);
  const auto run = [&] { benchmark::DoNotOptimize(network.network()->forward(network.images())); };
  run();
  for (auto _ : state) run();
}

void time_engine(benchmark::State& state, NetworkCase& network, engine::Engine engine) {
  network.run(engine);
  for (auto _ : state) network.run(engine);
  state.counters["arena_MiB"] = static_cast<double>(engine.arena_bytes()) / (1 << 20);
}

void engine_forward(benchmark::State& state, const char* name) {
  NetworkCase network(name);
  time_engine(state, network, network.engine());
}

void int8_forward(benchmark::State& state, const char* name) {
  NetworkCase network(name);
  time_engine(state, network, network.int8_engine());
}

void training_step(benchmark::State& state, const char* name) {
  TrainingCase training(name);
  for (auto _ : state) training.step();
}

#define SEG_NETWORK_BENCHMARK(what, network) \
  BENCHMARK_CAPTURE(what, network, #network)->Unit(benchmark::kMillisecond)->UseRealTime()
SEG_NETWORK_BENCHMARK(forward, swin_umamba);
SEG_NETWORK_BENCHMARK(forward, swin_umamba_d);
SEG_NETWORK_BENCHMARK(forward, nnunet);
SEG_NETWORK_BENCHMARK(forward, umamba_bot);
SEG_NETWORK_BENCHMARK(forward, umamba_enc);
SEG_NETWORK_BENCHMARK(engine_forward, swin_umamba);
SEG_NETWORK_BENCHMARK(engine_forward, swin_umamba_d);
SEG_NETWORK_BENCHMARK(engine_forward, nnunet);
SEG_NETWORK_BENCHMARK(engine_forward, umamba_bot);
SEG_NETWORK_BENCHMARK(engine_forward, umamba_enc);
SEG_NETWORK_BENCHMARK(int8_forward, swin_umamba);
SEG_NETWORK_BENCHMARK(int8_forward, swin_umamba_d);
SEG_NETWORK_BENCHMARK(int8_forward, nnunet);
SEG_NETWORK_BENCHMARK(int8_forward, umamba_bot);
SEG_NETWORK_BENCHMARK(int8_forward, umamba_enc);
SEG_NETWORK_BENCHMARK(training_step, swin_umamba);
SEG_NETWORK_BENCHMARK(training_step, swin_umamba_d);

}  // namespace
}  // namespace seg::bench
