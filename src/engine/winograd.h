// 3x3 convolution with fewer multiplications (Winograd's minimal filtering as Lavin and Gray, 2016, use it).
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/memory.h"

namespace seg::engine {

/// A 3x3 convolution with stride 1 and padding 1 of blocked maps (Layout::blocked): F(4x4, 3x3), which makes
/// sixteen outputs from 36 products where the plain sum takes 144. Input patches, products and the
/// transformed weights of a few tiles stay in a core's cache; the weights are kept as they are and
/// transformed on the way, which costs a few percent and no memory. Relative error about 1e-6. The same for
/// any number of threads and of images.
class Winograd {
 public:
  struct Shape {
    std::int64_t in = 0, out = 0;  ///< channels, multiples of 16
    std::int64_t height = 0, width = 0;
  };

  /// Whether it saves much: tiles that stick out of a small map are work for nothing.
  static bool pays(const Shape& shape);

  /// weights [out, in, 3, 3], bias [out] or empty. `workers` tasks run at the same time. Weights are kept in
  /// memory of `pool` where there is one.
  Winograd(const Shape& shape, std::span<const float> weights, std::vector<float> bias, int workers,
           FloatPool* pool = nullptr);

  /// Values of the working memory that `run` needs.
  std::int64_t scratch_size(std::int64_t images) const;

  /// x [images, in / 16, H, W, 16] -> y [images, out / 16, H, W, 16]. `scratch` begins at a multiple of 64
  /// bytes.
  void run(std::int64_t images, const float* x, float* scratch, float* y) const;

 private:
  /// Tiles and output channels of a task.
  struct Share {
    std::int64_t tiles, channels;
  };
  Share share_of(std::int64_t images) const;
  std::int64_t scratch_size(const Share& share) const;  ///< of a worker

  Shape shape_;
  std::int64_t tile_columns_ = 0, tiles_ = 0;  ///< of an image's map
  std::int64_t columns_ = 0;                   ///< output channels whose products are summed up in registers
  int workers_ = 1;
  std::shared_ptr<float[]> weights_;  ///< [out / columns, in, 3, 3, columns]
  std::vector<float> bias_;           ///< [out]
};

}  // namespace seg::engine
