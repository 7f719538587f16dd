// A network as a list of steps over feature maps whose memory is planned ahead: none is allocated while it
// runs. Images of one size, one or more at a time.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "base/memory.h"

namespace seg::engine {

/// How the values of an image's feature map lie in memory; those of several images lie one behind the other.
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

/// How far apart neighbours lie in memory: pixels, blocks of 16 channels, and images.
struct Strides {
  std::int64_t pixel = 0, block = 0, image = 0;
};

/// Sizes of some images' maps.
struct MapsShape {
  std::int64_t images = 0, channels = 0, height = 0, width = 0;
  std::int64_t pixels() const { return height * width; }
};

/// A feature map, or some neighbouring channels of one; all sizes are an image's.
struct Map {
  std::size_t buffer = 0;
  std::int64_t offset = 0;  ///< values into the buffer
  std::int64_t channels = 0, height = 0, width = 0;
  Layout layout = Layout::pixels;
  std::int64_t image = 0;  ///< values from one image to the next

  bool operator==(const Map&) const = default;
  std::int64_t pixels() const { return height * width; }
  /// Values in memory, with those that fill up the last block.
  std::int64_t size() const {
    return (layout == Layout::blocked ? round_up(channels, kBlock) : channels) * pixels();
  }
  /// Of pixels or of a blocked map, of whole blocks.
  Strides strides() const {
    return layout == Layout::blocked ? Strides{kBlock, pixels() * kBlock, image}
                                     : Strides{channels, kBlock, image};
  }
  /// `count` channels from `first` on, of a blocked map; both multiples of 16. For steps that write there
  /// with the distance between images in mind (copies and upsampling); others take whole maps.
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
  Memory(std::vector<float*> buffers, float* scratch, std::int64_t images)
      : buffers_(std::move(buffers)), scratch_(scratch), images_(images) {}
  std::int64_t images() const { return images_; }
  MapsShape shape(const Map& map) const { return {images_, map.channels, map.height, map.width}; }
  float* at(const Map& map) const { return buffers_[map.buffer] + map.offset; }  ///< of the first image
  float* scratch() const { return scratch_; }  ///< as much as the step has asked for

 private:
  std::vector<float*> buffers_;
  float* scratch_;
  std::int64_t images_;
};

using Step = std::function<void(const Memory&)>;
/// Makes a step ready for so many images; returns how many values of scratch memory it needs for them.
using Prepare = std::function<std::size_t(std::int64_t images)>;

/// What a step has to do at least.
struct Work {
  double flops = 0;  ///< of the plain sums of an image, a multiplication and an addition being two
  double bytes = 0;  ///< of constants; of the maps, each once, the graph counts itself
};

/// A step that has run.
struct StepTime {
  std::string_view kind;
  double seconds = 0;
  Work work;  ///< for all images, and with the maps
};

class Graph {
 public:
  /// A new map. Its memory is taken from the first step that names it to the last.
  Map map(std::int64_t channels, std::int64_t height, std::int64_t width, Layout layout);
  /// Maps that the caller provides memory for.
  Map external(std::int64_t channels, std::int64_t height, std::int64_t width);

  /// Adds a step of some kind ("convolution", "scan", ...) that reads and writes these maps.
  void step(const char* kind, const std::vector<Map>& maps, Step run, const Work& work = {},
            Prepare prepare = {});

  /// Whether no step has named the map's memory since the one that was added as number `step`.
  bool untouched_since(std::size_t step, const Map& map) const {
    return buffers_[map.buffer].last_step == step;
  }
  std::size_t steps() const { return steps_.size(); }

  /// Places all maps. No step may be added behind it.
  void plan();
  /// Bytes of the memory that the maps share, and the steps, for the most images so far.
  std::size_t arena_bytes() const { return arena_capacity_ * sizeof(float); }

  /// Runs every step; `externals` are the external maps' values, in the order of their creation. A number of
  /// images that is new takes time and memory, which are kept.
  void run(const std::vector<float*>& externals, std::int64_t images = 1);

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
    const char* kind;
    Work work;
    double map_bytes;  ///< of an image
    Step run;
    Prepare prepare;
  };

  Map add_map(Map map, bool external);
  void prepare(std::int64_t images);

  std::vector<Buffer> buffers_;
  std::vector<PlacedStep> steps_;
  std::function<void(const StepTime&)> observer_;
  std::size_t arena_size_ = 0;  ///< of an image; for several, every place and size is as many times as large
  std::size_t scratch_size_ = 0;  ///< behind it, for one step at a time
  std::size_t arena_capacity_ = 0;
  FloatMemory arena_;
  std::set<std::int64_t> prepared_;  ///< numbers of images
};

}  // namespace seg::engine
