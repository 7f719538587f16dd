// The one-directional selective scan of ops/ as a differentiable LibTorch function.
#pragma once
#include <torch/torch.h>

namespace seg {

/// Of a sequence of length L, D channels and N states, all float32 on the CPU.
struct SelectiveScanInputs {
  torch::Tensor u;           ///< [B, D, L]
  torch::Tensor delta;       ///< [B, D, L], before bias and softplus
  torch::Tensor a;           ///< [D, N], negative
  torch::Tensor b, c;        ///< [B, N, L]
  torch::Tensor skip;        ///< [D]
  torch::Tensor z;           ///< [B, D, L], the gate
  torch::Tensor delta_bias;  ///< [D]
};

/// y [B, D, L] of `ScanInputs` (ops/selective_scan.h) with softplus.
torch::Tensor selective_scan(const SelectiveScanInputs& inputs);

}  // namespace seg
