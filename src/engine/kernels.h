// What lies between the matrix products: norms, activations, and moves between layouts. Vectorised for the
// instruction sets of the machine; bit-equal for any number of threads.
#pragma once
#include <cstdint>

#include "engine/graph.h"

namespace seg::engine {

/// y = LayerNorm(x) * weight + bias, and times `gate` where there is one. x, y, gate [rows, channels]; y may
/// be x. eps 1e-5.
struct LayerNorm {
  const float* weight = nullptr;
  const float* bias = nullptr;
  std::int64_t channels = 0;
};
void layer_norm(const LayerNorm& norm, std::int64_t rows, const float* x, const float* gate, float* y);

/// 2x2 neighbours of x [H, W, C], in the order (0,0), (1,0), (0,1), (1,1) of (row, column), normalised
/// together: y [H / 2, W / 2, 4 * C]. An odd last row or column is left out.
void merge_and_norm(const LayerNorm& norm, std::int64_t height, std::int64_t width, const float* x, float* y);

/// Every pixel's factor x factor tokens to their places, normalised:
/// x [H, W, factor, factor, C] -> y [factor * H, factor * W, C].
void expand_and_norm(const LayerNorm& norm, std::int64_t height, std::int64_t width, std::int64_t factor,
                     const float* x, float* y);

/// Values of some images' maps that are normalised over an image's pixels, channel by channel. eps 1e-5.
struct InstanceNorm {
  const float* x = nullptr;
  Strides strides{};
  const float* weight = nullptr;  ///< null for ones
  const float* bias = nullptr;    ///< null for zeros
};

/// y = act(InstanceNorm(x) + other), with LeakyReLU of `slope` (1 for none) as act. `other` is a second
/// normalised map, or, with its `plain` set, the map itself; null where there is none. y lies as x does, and
/// may be x.
struct Residual {
  InstanceNorm map{};
  bool plain = true;
};
void instance_norm(const InstanceNorm& norm, const Residual* other, const MapsShape& shape, float slope,
                   float* y);

/// Every pixel becomes rows x columns. x of H x W pixels has a value for each of them (a transposed
/// convolution's second half), `part` values apart, or one for all, with a `part` of 0.
/// -> y [C / 16, rows * H, columns * W, 16] of every image.
struct Upsampling {
  std::int64_t rows = 2, columns = 2;
  std::int64_t part = 0;
  Strides strides{};       ///< of x
  std::int64_t image = 0;  ///< values between two images of y
};
void upsample(const Upsampling& to, const MapsShape& shape, const float* x, float* y);

/// patch x patch pixels to rows: planar or blocked x of C channels -> y [images, H / patch, W / patch,
/// C * patch^2], a row in the order (channel, row, column) of a convolution's weights.
void gather_patches_planar(const MapsShape& shape, std::int64_t patch, const float* x, float* y);
void gather_patches_blocked(const MapsShape& shape, std::int64_t patch, const float* x, float* y);

}  // namespace seg::engine
