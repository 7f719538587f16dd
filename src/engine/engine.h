// Networks on the CPU without a framework: oneDNN for products and convolutions, our scan, memory planned
// ahead.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "engine/calibration.h"
#include "engine/topology.h"
#include "weights/named_arrays.h"

namespace seg::engine {

struct StepTime;  // engine/graph.h

/// What a network is built for.
struct ImageShape {
  std::int64_t in_channels = 1, classes = 2, height = 0, width = 0;
  UNetTopology topology{};  ///< of networks that follow a plan
};

/// Whether the engine has this network (names as in the table of networks); one that follows a plan only for
/// stages of multiples of 16 channels.
bool has_network(std::string_view name, const UNetTopology& topology = {});

/// Told of an array whose values have been read.
using ArrayRead = std::function<void(const TensorView&)>;

/// A network for images of one size, its full-resolution head only.
class Engine {
 public:
  /// `weights` are named as in the reference's state dict, and are not needed afterwards; `read` is called
  /// with each as soon as it is needed no more. Layers whose weights are int8 run in int8
  /// (engine/int8_weights.h). With a `calibration`, which must outlive this, every run adds to it what a
  /// float32 network gives its layers. Throws Error where they do not fit, and for sizes that are not the
  /// network's (multiples of 32, or of a plan's strides).
  Engine(std::string_view network, const ImageShape& shape, std::span<const TensorView> weights,
         ArrayRead read = {}, Calibration* calibration = nullptr);
  ~Engine();
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;

  /// images [n, in_channels, height, width] -> logits [n, classes, height, width], all together: small ones
  /// take less time so, large ones more memory. A number of images that is new takes time and memory.
  void run(std::span<const float> images, std::span<float> logits);

  /// Where the time goes: called after every step of a run.
  void observe(std::function<void(const StepTime&)> observer);

  /// Bytes of the activations' memory; none before the first run.
  std::size_t arena_bytes() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace seg::engine
