// Mamba over a sequence (Gu and Dao 2023, section 3.4), and U-Mamba's layer that lays a feature map out as
// one.
#pragma once
#include <cstdint>
#include <memory>

#include "net/layers.h"

namespace seg {

/// Fills a bias so that softplus(bias), the first step size of every channel, is log-uniform in [0.001, 0.1]
/// (Mamba, section 3.6).
void init_dt_bias(Tensor bias);
/// Fills the logarithm of -A: every row is ln 1, ln 2, ..., ln N.
void init_a_log(Tensor a_log);

/// in_proj -> causal depthwise conv1d + SiLU -> selective scan, gated by SiLU(z) -> out_proj.
class Mamba : public torch::nn::Module {
 public:
  static constexpr std::int64_t kState = 16;
  static constexpr std::int64_t kConvWidth = 4;
  static constexpr std::int64_t kExpand = 2;

  explicit Mamba(std::int64_t channels);
  Tensor forward(const Tensor& x);  // [B, L, C] -> [B, L, C]

 private:
  void init_scan_parameters();
  Tensor scan(const Tensor& u, const Tensor& x_dbl);  // [B, L, D], [B, L, R + 2N] -> [B, L, D]

  Tensor a_log_;  // [D, N]
  Tensor d_;      // [D]
  Linear in_proj_, x_proj_, dt_proj_, out_proj_;
  std::shared_ptr<Conv1d> conv1d_;
};

/// Layer norm and Mamba over a feature map, without a residual path. Tokens are its pixels in row order, with
/// the channels as features, or its channels, with the pixels as features: then H * W must be `features`.
class MambaLayer : public torch::nn::Module {
 public:
  MambaLayer(std::int64_t features, bool channel_tokens);
  Tensor forward(const Tensor& x);  // [B, C, H, W] -> [B, C, H, W]

  bool channel_tokens() const { return channel_tokens_; }
  LayerNorm norm() const { return norm_; }
  std::shared_ptr<Mamba> mamba() const { return mamba_; }

 private:
  LayerNorm norm_;
  std::shared_ptr<Mamba> mamba_;
  bool channel_tokens_;
};

}  // namespace seg
