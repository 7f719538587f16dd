// The fused cross scan of ops/ as a differentiable LibTorch function.
#pragma once
#include <torch/types.h>

#include <cstdint>

namespace seg {

/// Sum of the selective scans over an image in K directions: 4, or 1 for the rows only.
/// u [B, H, W, D] float32; x_dbl [B, H, W, K * (R + 2N)]: dt low-rank part, B and C of each direction;
/// dt_weight [K, D, R]; dt_bias [K, D]; a_logs [K * D, N]; skip [K * D]. Returns [B, H, W, D].
torch::Tensor cross_scan(const torch::Tensor& u, const torch::Tensor& x_dbl, const torch::Tensor& dt_weight,
                         const torch::Tensor& dt_bias, const torch::Tensor& a_logs,
                         const torch::Tensor& skip);

}  // namespace seg
