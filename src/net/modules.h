// The layers of torch::nn that the networks are made of, with its parameter names and initial values, as
// plain modules: torch::nn's own are templates whose headers cost every file that sees them seconds.
#pragma once
#include <torch/nn/module.h>

#include <array>
#include <cstdint>
#include <memory>

namespace seg {

using Tensor = torch::Tensor;

/// Pixels down and across.
struct Extent2d {
  Extent2d(std::int64_t both) : values{both, both} {}  // NOLINT(google-explicit-constructor): 3 is 3x3
  Extent2d(const std::array<std::int64_t, 2>& yx) : values(yx) {}  // NOLINT(google-explicit-constructor)
  operator at::IntArrayRef() const { return values; }              // NOLINT(google-explicit-constructor)
  std::array<std::int64_t, 2> values;
};

struct ConvOptions {
  Extent2d kernel = 3, stride = 1, padding = 0;
  std::int64_t groups = 1;
  bool bias = true;
};

/// A layer with a weight and a bias; the bias is undefined where there is none.
class WeightedLayer : public torch::nn::Module {
 public:
  Tensor weight, bias;

 protected:
  /// Uniform in +-1/sqrt(fan-in), both; fan-in as for a tensor whose first axis is the output.
  void register_uniform(at::IntArrayRef weight_shape, std::int64_t outputs, bool with_bias);
  /// Ones and zeros.
  void register_scale(std::int64_t features);
};

class Conv2d : public WeightedLayer {
 public:
  Conv2d(std::int64_t in, std::int64_t out, const ConvOptions& options);
  Tensor forward(const Tensor& x) const;  // [B, in, H, W] -> [B, out, H', W']

 private:
  ConvOptions options_;
};

/// Kernel and stride of one size: every input pixel becomes its own block of pixels.
class ConvTranspose2d : public WeightedLayer {
 public:
  ConvTranspose2d(std::int64_t in, std::int64_t out, const Extent2d& kernel, bool with_bias);
  Tensor forward(const Tensor& x) const;  // [B, in, H, W] -> [B, out, kernel * H, kernel * W]

 private:
  Extent2d kernel_;
};

/// Depthwise, over sequences.
class Conv1d : public WeightedLayer {
 public:
  Conv1d(std::int64_t channels, std::int64_t kernel, std::int64_t padding);
  Tensor forward(const Tensor& x) const;  // [B, channels, L] -> [B, channels, L + 2 * padding - kernel + 1]

 private:
  std::int64_t padding_;
};

class LinearLayer : public WeightedLayer {
 public:
  LinearLayer(std::int64_t in, std::int64_t out, bool with_bias);
  Tensor forward(const Tensor& x) const;  // [..., in] -> [..., out]
};

/// Over the last axis.
class LayerNormLayer : public WeightedLayer {
 public:
  explicit LayerNormLayer(std::int64_t features, double eps = 1e-5);
  Tensor forward(const Tensor& x) const;  // [..., features]

 private:
  double eps_;
};

/// Without running statistics.
class InstanceNorm2d : public WeightedLayer {
 public:
  InstanceNorm2d(std::int64_t channels, bool affine, double eps = 1e-5);
  Tensor forward(const Tensor& x) const;  // [B, channels, H, W]

 private:
  double eps_;
};

class GroupNormLayer : public WeightedLayer {
 public:
  GroupNormLayer(std::int64_t groups, std::int64_t channels);
  Tensor forward(const Tensor& x) const;  // [B, channels, ...]

 private:
  std::int64_t groups_;
};

/// Keeps the place of a layer without parameters in a list.
class Placeholder : public torch::nn::Module {};

/// Modules under the keys "0", "1", ...
class ModuleListLayer : public torch::nn::Module {
 public:
  void push_back(std::shared_ptr<torch::nn::Module> module);
};

using Conv = std::shared_ptr<Conv2d>;
using TransposedConv = std::shared_ptr<ConvTranspose2d>;
using Linear = std::shared_ptr<LinearLayer>;
using GroupNorm = std::shared_ptr<GroupNormLayer>;
using LayerNorm = std::shared_ptr<LayerNormLayer>;
using InstanceNorm = std::shared_ptr<InstanceNorm2d>;
using ModuleList = std::shared_ptr<ModuleListLayer>;

}  // namespace seg
