// Factories for layers, and the residual convolution blocks of the U-shaped decoders.
#pragma once
#include <cstdint>
#include <memory>

#include "net/modules.h"

namespace seg {

inline constexpr double kLeakySlope = 0.01;  ///< of every LeakyReLU here, as nnU-Net's and MONAI's

/// A second name for a module in state dicts, where references hold one module twice. It owns nothing, so
/// that every parameter is listed, counted and stepped once.
class Alias : public torch::nn::Module {
 public:
  explicit Alias(std::shared_ptr<torch::nn::Module> target) : target_(std::move(target)) {}
  const torch::nn::Module& target() const { return *target_; }

 private:
  std::shared_ptr<torch::nn::Module> target_;  // not registered
};

Conv make_conv(std::int64_t in, std::int64_t out, const ConvOptions& options);
TransposedConv make_transposed_conv(std::int64_t in, std::int64_t out, const Extent2d& kernel, bool bias);
Linear make_linear(std::int64_t in, std::int64_t out, bool bias);
/// eps 1e-5, affine.
LayerNorm make_layer_norm(std::int64_t features);
/// eps 1e-5.
InstanceNorm make_instance_norm(std::int64_t channels, bool affine);
ModuleList make_module_list();

/// Stochastic depth: in training, leaves out a branch for whole samples and scales it up for the others.
class DropPath : public torch::nn::Module {
 public:
  explicit DropPath(double rate) : rate_(rate) {}
  Tensor forward(const Tensor& branch);  // [B, ...]
  double rate() const { return rate_; }
  void set_rate(double rate) { rate_ = rate; }

 private:
  double rate_;  ///< share of samples whose branch is left out
};

/// Sets the rate of every DropPath below `module`.
void set_drop_path_rate(torch::nn::Module& module, double rate);

/// The same, growing linearly from 0 of the first to `last`.
void spread_drop_path_rates(torch::nn::Module& module, double last);

/// Weights as nnU-Net's InitWeights_He(1e-2): Kaiming normal, zero bias, for every convolution below
/// `module`.
void init_convolutions_he(torch::nn::Module& module);

/// A convolution under the key "conv", as MONAI's Convolution names it.
class NamedConv : public torch::nn::Module {
 public:
  explicit NamedConv(Conv conv);
  explicit NamedConv(TransposedConv conv);
  Tensor forward(const Tensor& x);

 private:
  Conv conv_;
  TransposedConv transposed_;
};

/// Two 3x3 convolutions with instance norm and LeakyReLU(0.01) around a residual path; a 1x1 convolution on
/// the residual path where the channel count changes. Source: MONAI's UnetResBlock, norms without parameters.
class ResidualBlock : public torch::nn::Module {
 public:
  ResidualBlock(std::int64_t in, std::int64_t out);
  Tensor forward(const Tensor& x);  // [B, in, H, W] -> [B, out, H, W]

 private:
  std::shared_ptr<NamedConv> conv1_, conv2_, conv3_;
};

/// The residual block under the key "layer" (MONAI's UnetrBasicBlock).
class ResidualStage : public torch::nn::Module {
 public:
  ResidualStage(std::int64_t in, std::int64_t out);
  Tensor forward(const Tensor& x) { return layer_->forward(x); }

 private:
  std::shared_ptr<ResidualBlock> layer_;
};

/// 2x transposed convolution, concatenation with the skip, residual block (MONAI's UnetrUpBlock).
class UpStage : public torch::nn::Module {
 public:
  UpStage(std::int64_t in, std::int64_t out);
  Tensor forward(const Tensor& x, const Tensor& skip);  // [B, in, H, W], [B, out, 2H, 2W] -> [B, out, 2H, 2W]

 private:
  std::shared_ptr<NamedConv> transp_conv_;
  std::shared_ptr<ResidualBlock> conv_block_;
};

/// 1x1 convolution to class logits under the keys "conv.conv" (MONAI's UnetOutBlock).
class OutBlock : public torch::nn::Module {
 public:
  OutBlock(std::int64_t in, std::int64_t classes);
  Tensor forward(const Tensor& x) { return conv_->forward(x); }

 private:
  std::shared_ptr<NamedConv> conv_;
};

}  // namespace seg
