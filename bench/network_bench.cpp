// Whole networks on a 320x320 image: one forward pass, and one training step of two images.
#include <benchmark/benchmark.h>
#include <torch/optim/adamw.h>

#include "net/set_up_torch.h"
#include "network_case.h"
#include "train/loss.h"

namespace seg::bench {
namespace {

constexpr std::int64_t kSize = NetworkCase::kSize, kClasses = NetworkCase::kClasses;

void forward(benchmark::State& state, const char* name) {
  const torch::InferenceMode inference;
  const NetworkCase network(name);
  const auto run = [&] { benchmark::DoNotOptimize(network.network()->forward(network.image())); };
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
  set_up_torch();
  const auto network = make_network(name, {1, kClasses, true});
  torch::optim::AdamW optimizer(network->parameters(), torch::optim::AdamWOptions(1e-4));
  const Tensor x = torch::randn({2, 1, kSize, kSize});
  std::vector<Tensor> targets;
  for (const auto& [y_scale, x_scale] : network->scales()) {
    const Size2d size{scaled_size(kSize, y_scale), scaled_size(kSize, x_scale)};
    targets.push_back(torch::randint(kClasses, {2, 1, size[0], size[1]}, torch::kInt64));
  }
  for (auto _ : state) {
    optimizer.zero_grad();
    deep_supervision_loss(network->forward(x), targets, {}).backward();
    optimizer.step();
  }
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
