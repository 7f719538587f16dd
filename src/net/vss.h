// VMamba's parts: SS2D, VSS block and layer, patch embedding, merging and expanding, and the encoder.
// Feature maps are channels last, [B, H, W, C], unless a comment says otherwise.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "net/layers.h"

namespace seg {

/// 2-D selective scan with its projections and gate (VMamba, "SS2D").
/// in_proj -> depthwise 3x3 + SiLU -> four scans -> LayerNorm -> * SiLU(z) -> out_proj.
class Ss2d : public torch::nn::Module {
 public:
  static constexpr std::int64_t kState = 16;
  static constexpr std::int64_t kExpand = 2;

  explicit Ss2d(std::int64_t channels);
  Tensor forward(const Tensor& x);  // [B, H, W, C] -> [B, H, W, C]

 private:
  void init_scan_parameters(std::int64_t inner, std::int64_t dt_rank);
  Tensor scan(const Tensor& u);  // [B, H, W, D] -> [B, H, W, D]

  Linear in_proj_, out_proj_;
  Conv conv2d_;
  LayerNorm out_norm_;
  Tensor x_proj_weight_;    // [4, R + 2N, D]
  Tensor dt_projs_weight_;  // [4, D, R]
  Tensor dt_projs_bias_;    // [4, D]
  Tensor a_logs_;           // [4 * D, N]
  Tensor ds_;               // [4 * D]
};

/// x + drop_path(SS2D(LayerNorm(x))).
class VssBlock : public torch::nn::Module {
 public:
  VssBlock(std::int64_t channels, double drop_path_rate);
  Tensor forward(const Tensor& x);

 private:
  LayerNorm ln_1_;
  std::shared_ptr<Ss2d> self_attention_;
  std::shared_ptr<DropPath> drop_path_;
};

/// VSS blocks one after the other, one per drop path rate.
class VssLayer : public torch::nn::Module {
 public:
  VssLayer(std::int64_t channels, const std::vector<double>& drop_path_rates);
  Tensor forward(Tensor x);

 private:
  std::vector<std::shared_ptr<VssBlock>> blocks_;
};

/// Non-overlapping patches to tokens: [B, C, H, W] -> [B, H/patch, W/patch, dim].
class PatchEmbed : public torch::nn::Module {
 public:
  PatchEmbed(std::int64_t patch, std::int64_t in_channels, std::int64_t dim);
  Tensor forward(const Tensor& x);

 private:
  Conv proj_;
  LayerNorm norm_;
};

/// 2x2 neighbours to one token of twice the channels; an odd last row or column is dropped.
/// [B, H, W, C] -> [B, H/2, W/2, 2C].
class PatchMerging : public torch::nn::Module {
 public:
  explicit PatchMerging(std::int64_t dim);
  Tensor forward(const Tensor& x);

 private:
  Linear reduction_;
  LayerNorm norm_;
};

/// One token to factor x factor tokens of `out` channels: [B, C, H, W] -> [B, factor*H, factor*W, out].
/// Factor 2 with out C/2 is patch expanding, factor 4 with out C the final expanding of Swin-UMamba†.
class PatchExpand : public torch::nn::Module {
 public:
  PatchExpand(std::int64_t dim, std::int64_t factor, std::int64_t out);
  Tensor forward(const Tensor& x);

 private:
  Linear expand_;
  LayerNorm norm_;
  std::int64_t factor_, out_;
};

/// The VMamba-Tiny encoder: depths {2, 2, 9, 2}, dims {96, 192, 384, 768}, drop path growing linearly to 0.2.
class VssEncoder : public torch::nn::Module {
 public:
  static constexpr std::array<std::int64_t, 4> kDepths{2, 2, 9, 2};
  static constexpr std::array<std::int64_t, 4> kDims{96, 192, 384, 768};
  static constexpr double kDropPathRate = 0.2;
  /// Per stage and block, growing linearly from 0 to `last`.
  static std::vector<std::vector<double>> drop_path_rates(double last);

  VssEncoder(std::int64_t patch, std::int64_t in_channels);
  /// The output of each stage, [B, C, H, W] views of channels-last memory, highest resolution first.
  std::vector<Tensor> forward(const Tensor& x);
  /// What the first epochs of a pretrained training freeze: all but the patch embedding.
  std::vector<Tensor> parameters_without_patch_embed() const;

 private:
  std::shared_ptr<PatchEmbed> patch_embed_;
  std::vector<std::shared_ptr<VssLayer>> layers_;
  std::vector<std::shared_ptr<PatchMerging>> downsamples_;
};

/// Normal weights of VMamba's deviation and zero biases for every linear layer below `module`.
void init_linears(torch::nn::Module& module);

/// [B, H, W, C] -> [B, C, H, W] without a copy.
Tensor to_channels_first(const Tensor& x);
/// [B, C, H, W] -> [B, H, W, C] without a copy.
Tensor to_channels_last(const Tensor& x);

}  // namespace seg
