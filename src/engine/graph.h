// A network as a list of steps over feature maps whose memory is planned ahead: nothing is allocated while it
// runs. One image at a time, of one size.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "base/memory.h"

namespace seg::engine {

/// How the values of a feature map lie in memory.
enum class Layout {
  planar,  ///< [C, H, W]: images and logits
  pixels,  ///< [H, W, C]: tokens
  blocked  ///< [C / 16, H, W, 16]: convolutions; C is a multiple of 16, or the last block is filled with
           ///< zeros
};

inline constexpr std::int64_t kBlock = 16;

constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}
constexpr std::int64_t round_up(std::int64_t value, std::int64_t multiple) {
  return ceil_div(value, multiple) * multiple;
}

/// How far apart neighbours lie in memory: pixels, and blocks of 16 channels.
struct Strides {
  std::int64_t pixel = 0, block = 0;
};

/// A feature map, or some neighbouring channels of one.
struct Map {
  std::size_t buffer = 0;
  std::int64_t offset = 0;  ///< values into the buffer
  std::int64_t channels = 0, height = 0, width = 0;
  Layout layout = Layout::pixels;

  bool operator==(const Map&) const = default;
  std::int64_t pixels() const { return height * width; }
  /// Values in memory, with those that fill up the last block.
  std::int64_t size() const {
    return (layout == Layout::blocked ? round_up(channels, kBlock) : channels) * pixels();
  }
  /// Of pixels or of a blocked map, of whole blocks.
  Strides strides() const {
    return layout == Layout::blocked ? Strides{kBlock, pixels() * kBlock} : Strides{channels, kBlock};
  }
  /// `count` channels from `first` on, of a blocked map; both multiples of 16.
  Map channels_from(std::int64_t first, std::int64_t count) const {
    Map part = *this;
    part.offset += first * pixels();
    part.channels = count;
    return part;
  }
};

/// Memory of the maps while a graph runs.
class Memory {
 public:
  explicit Memory(std::vector<float*> buffers) : buffers_(std::move(buffers)) {}
  float* at(const Map& map) const { return buffers_[map.buffer] + map.offset; }
  void set(std::size_t buffer, float* values) { buffers_[buffer] = values; }

 private:
  std::vector<float*> buffers_;
};

using Step = std::function<void(const Memory&)>;

/// What a step has to do at least.
struct Work {
  double flops = 0;  ///< of the plain sums, a multiplication and an addition being two
  double bytes = 0;  ///< of constants; of the maps, each once, the graph counts itself
};

/// A step that has run.
struct StepTime {
  std::string_view kind;
  double seconds = 0;
  Work work;
};

class Graph {
 public:
  /// A new map. Its memory is taken from the first step that names it to the last.
  Map map(std::int64_t channels, std::int64_t height, std::int64_t width, Layout layout);
  /// Maps that the caller provides memory for.
  Map external(std::int64_t channels, std::int64_t height, std::int64_t width);

  /// Adds a step of some kind ("convolution", "scan", ...) that reads and writes these maps.
  void step(const char* kind, const std::vector<Map>& maps, Step run, const Work& work = {});

  /// Whether no step has named the map's memory since the one that was added as number `step`.
  bool untouched_since(std::size_t step, const Map& map) const {
    return buffers_[map.buffer].last_step == step;
  }
  std::size_t steps() const { return steps_.size(); }

  /// Places all maps. No step may be added behind it.
  void plan();
  /// Bytes of the memory that the maps share.
  std::size_t arena_bytes() const { return arena_size_ * sizeof(float); }

  /// Runs every step; `externals` are the external maps' values, in the order of their creation.
  void run(const std::vector<float*>& externals);

  /// Where the time goes: called after every step that is run.
  void observe(std::function<void(const StepTime&)> observer) { observer_ = std::move(observer); }

 private:
  struct Buffer {
    std::size_t size = 0;
    bool external = false;
    std::size_t first_step = 0, last_step = 0;
    bool used = false;
    std::size_t place = 0;  ///< in the arena
  };
  struct PlacedStep {
    StepTime time;
    Step run;
  };

  std::size_t add_buffer(std::size_t size, bool external);

  std::vector<Buffer> buffers_;
  std::vector<PlacedStep> steps_;
  std::function<void(const StepTime&)> observer_;
  std::size_t arena_size_ = 0;
  FloatMemory arena_;
  std::unique_ptr<Memory> memory_;
};

}  // namespace seg::engine
