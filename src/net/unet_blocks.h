// What the stages of the plan-dependent U-Nets are made of: nnU-Net's blocks (dynamic-network-architectures
// 0.2) and U-Mamba's, with kernels and strides per axis. All norms are affine instance norms, all activations
// LeakyReLU(0.01). Feature maps are [B, C, H, W].
#pragma once
#include <memory>
#include <vector>

#include "net/network.h"

namespace seg {

/// A module from a feature map to a feature map.
class Stage : public torch::nn::Module {
 public:
  virtual Tensor forward(Tensor x) = 0;
};
using StagePtr = std::shared_ptr<Stage>;

/// Holds modules under their indices; nullptr leaves an index out.
template <class Modules>
std::shared_ptr<torch::nn::Module> indexed(const Modules& modules) {
  auto list = std::make_shared<torch::nn::Module>();
  for (std::size_t i = 0; i < modules.size(); ++i) {
    if (modules[i]) list->register_module(std::to_string(i), modules[i]);
  }
  return list;
}

struct StageShape {
  std::int64_t in, out;
  Size2d kernel{3, 3}, stride{1, 1};
};

/// A convolution padded so that stride 1 keeps the size.
Conv make_same_conv(const StageShape& shape, bool bias = true);

/// Convolution, norm and, unless it ends a residual path, activation. Keys conv and norm, and both again
/// below all_modules.
class ConvNorm : public Stage {
 public:
  ConvNorm(const StageShape& shape, bool bias, bool activation);
  Tensor forward(Tensor x) override;

 private:
  Conv conv_;
  InstanceNorm norm_;
  bool activation_;
};

/// ConvNorm `count` times below "convs"; the first one strides.
class ConvStack : public Stage {
 public:
  ConvStack(const StageShape& shape, std::int64_t count);
  Tensor forward(Tensor x) override;

 private:
  std::vector<StagePtr> convs_;
};

/// ResNet-D block (BasicBlockD): two ConvNorms; on the residual path average pooling where it strides and a
/// 1x1 ConvNorm without bias where the channels change.
class ResidualBlockD : public Stage {
 public:
  explicit ResidualBlockD(const StageShape& shape);
  Tensor forward(Tensor x) override;

 private:
  Size2d stride_;
  StagePtr conv1_, conv2_, project_;
};

/// ResidualBlockD `count` times below "blocks"; the first one strides.
class ResidualStack : public Stage {
 public:
  ResidualStack(const StageShape& shape, std::int64_t count);
  Tensor forward(Tensor x) override;

 private:
  std::vector<StagePtr> blocks_;
};

/// Two 3x3 convolutions with norms, and a 1x1 convolution without a norm on the residual path (U-Mamba's
/// BasicResBlock).
class ConvSkipBlock : public Stage {
 public:
  explicit ConvSkipBlock(const StageShape& shape);
  Tensor forward(Tensor x) override;

 private:
  Conv conv1_, conv2_, conv3_;
  InstanceNorm norm1_, norm2_;
};

/// Stages one after the other under their indices.
class Sequence : public Stage {
 public:
  explicit Sequence(std::vector<StagePtr> stages);
  Tensor forward(Tensor x) override;

 private:
  std::vector<StagePtr> stages_;
};

}  // namespace seg
