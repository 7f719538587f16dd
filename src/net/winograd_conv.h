// The engine's 3x3 convolution in training.
#pragma once
#include <torch/types.h>

namespace seg {

/// Whether `winograd_conv` takes these: float32 on the CPU, weight [out, in, 3, 3], and sizes where it is
/// worth it.
bool winograd_conv_takes(const torch::Tensor& x, const torch::Tensor& weight);

/// Convolution with stride 1 and padding 1 of x [B, in, H, W]: outputs and the gradients of x by Winograd's
/// algorithm (engine/winograd.h), those of the weights by LibTorch. `bias` may be undefined.
torch::Tensor winograd_conv(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias);

}  // namespace seg
