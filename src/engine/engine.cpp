#include "engine/engine.h"

#include <fmt/ranges.h>
#include <omp.h>

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/threads.h"
#include "engine/networks.h"

namespace seg::engine {

std::span<const NetworkRow> networks() {
  static constexpr NetworkRow kNetworks[] = {
      {"swin_umamba", 32, build_swin_umamba},
      {"swin_umamba_d", 32, build_swin_umamba_d},
      {"nnunet", 0, build_nnunet},
      {"umamba_bot", 0, build_umamba_bot},
      {"umamba_enc", 0, build_umamba_enc},
  };
  return kNetworks;
}

namespace {

const NetworkRow* row_of(std::string_view name) {
  for (const NetworkRow& row : networks()) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

bool in_blocks(const UNetTopology& topology) {
  return std::ranges::all_of(features_of(topology), [](std::int64_t c) { return c % kBlock == 0; });
}

/// Throws Error unless the network can be built for it.
void check_shape(const NetworkRow& row, const ImageShape& shape) {
  Size2d multiple{row.multiple, row.multiple};
  if (row.multiple == 0) {
    check_topology(shape.topology);
    if (!in_blocks(shape.topology)) {
      fail("{}: expected stages of multiples of {} channels, got {}", row.name, kBlock,
           fmt::join(features_of(shape.topology), ", "));
    }
    multiple = total_stride(shape.topology);
  }
  if (shape.height <= 0 || shape.width <= 0 || shape.height % multiple[0] != 0 ||
      shape.width % multiple[1] != 0) {
    fail("{}: expected a height and a width that are multiples of {} and {}, got {}x{}", row.name,
         multiple[0], multiple[1], shape.height, shape.width);
  }
}

}  // namespace

bool has_network(std::string_view name, const UNetTopology& topology) {
  const NetworkRow* row = row_of(name);
  return row != nullptr && (row->multiple > 0 || in_blocks(topology));
}

struct Engine::Parts {
  Graph graph;
  ImageShape shape;
};

Engine::Engine(std::string_view network, const ImageShape& shape, std::span<const TensorView> weights,
               ArrayRead read, Calibration* calibration)
    : parts_(std::make_unique<Parts>()) {
  const NetworkRow* row = row_of(network);
  if (row == nullptr) fail("the engine does not have the network {}", network);
  check_shape(*row, shape);
  omp_set_num_threads(thread_count());  // what oneDNN plans with
  Graph& graph = parts_->graph;
  parts_->shape = shape;
  const Map image = graph.external(shape.in_channels, shape.height, shape.width);
  const Map logits = graph.external(shape.classes, shape.height, shape.width);
  const Parameters parameters(weights, std::move(read));
  Builder builder(graph, parameters, calibration);
  builder.copy(row->build(builder, image, shape), logits);
  graph.plan();
}

Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

void Engine::run(std::span<const float> images, std::span<float> logits) {
  const ImageShape& shape = parts_->shape;
  const auto pixels = static_cast<std::size_t>(shape.height * shape.width);
  const std::size_t in = pixels * static_cast<std::size_t>(shape.in_channels);
  const std::size_t out = pixels * static_cast<std::size_t>(shape.classes), n = images.size() / in;
  if (n == 0 || images.size() != n * in || logits.size() != n * out) {
    fail("the engine was built for {} channels and {} classes of {}x{} pixels, got {} values in and {} out",
         shape.in_channels, shape.classes, shape.height, shape.width, images.size(), logits.size());
  }
  omp_set_num_threads(thread_count());
  parts_->graph.run({const_cast<float*>(images.data()), logits.data()}, static_cast<std::int64_t>(n));
}

void Engine::observe(std::function<void(const StepTime&)> observer) {
  parts_->graph.observe(std::move(observer));
}

std::size_t Engine::arena_bytes() const {
  return parts_->graph.arena_bytes();
}

}  // namespace seg::engine
