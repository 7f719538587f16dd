// SS2D's heart: four selective scans over an image (rows, columns, and both backwards) fused with the dt
// projection and softplus. Raw pointers, channels last; LibTorch glue lies in net/.
#pragma once
#include <cstdint>

namespace seg {

class CrossScanWeights;  // ops/cross_scan_weights.h

struct CrossScanShape {
  std::int64_t batch = 1, height = 1, width = 1;
  std::int64_t channels = 1;  ///< D
  std::int64_t state = 16;    ///< N
  std::int64_t dt_rank = 1;   ///< R
  std::int64_t directions =
      4;  ///< the first so many; 1 over a column of pixels is Mamba's scan of a sequence
  std::int64_t pixels() const { return height * width; }
};

/// Inputs, C-order float32, for four directions. Direction k: 0 rows, 1 columns, 2 rows backwards, 3 columns
/// backwards. Source: VMamba's SS2D (forward_core), with x_proj already applied to the pixels.
struct CrossScanInputs {
  const float* u = nullptr;          ///< [batch, pixels, D] after the depthwise convolution and SiLU
  const float* x_dbl = nullptr;      ///< [batch, pixels, 4, R + 2N]: dt low-rank part, B, C of each direction
  const float* dt_weight = nullptr;  ///< [4, D, R]
  const float* dt_bias = nullptr;    ///< [4, D]
  const float* a_log = nullptr;      ///< [4 * D, N]; A = -exp(a_log)
  const float* skip = nullptr;       ///< [4 * D], "Ds"
};

/// Gradients in the layout of the inputs; all are overwritten.
struct CrossScanGradients {
  float* u = nullptr;
  float* x_dbl = nullptr;
  float* dt_weight = nullptr;
  float* dt_bias = nullptr;
  float* a_log = nullptr;
  float* skip = nullptr;
};

/// Floats that the forward pass keeps for the backward pass: the states before every sixteenth pixel, that is
/// N / 16 times as many as u has, for each direction.
std::int64_t cross_scan_states_size(const CrossScanShape& shape);

/// y [batch, pixels, D] = sum over the directions. Bit-equal for any thread count. `states` is filled where
/// it is not null.
void cross_scan_forward(const CrossScanShape& shape, const CrossScanInputs& in, float* y,
                        float* states = nullptr);
/// The same with parameters packed before: packing takes as long as scanning a small image.
void cross_scan_forward(const CrossScanShape& shape, const CrossScanWeights& weights, const float* u,
                        const float* x_dbl, float* y, float* states = nullptr);

/// Gradients of sum(y * dy), with the `states` that the forward pass kept; those between are computed again.
void cross_scan_backward(const CrossScanShape& shape, const CrossScanInputs& in, const float* states,
                         const float* dy, const CrossScanGradients& out);

}  // namespace seg
