// The fused cross scan of ops/ as a differentiable LibTorch function.
#pragma once
#include <torch/types.h>

#include <cstdint>

namespace seg {

/// Sum of the four directional selective scans over an image.
/// u [B, H, W, D] float32; x_dbl [B, H, W, 4 * (R + 2N)]: dt low-rank part, B and C of each direction;
/// dt_weight [4, D, R]; dt_bias [4, D]; a_logs [4 * D, N]; skip [4 * D]. Returns [B, H, W, D].
torch::Tensor cross_scan(const torch::Tensor& u, const torch::Tensor& x_dbl, const torch::Tensor& dt_weight,
                         const torch::Tensor& dt_bias, const torch::Tensor& a_logs,
                         const torch::Tensor& skip);

}  // namespace seg
