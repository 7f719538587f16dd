#include "net/modules.h"

#include <cmath>
#include <string>

#include "net/winograd_conv.h"

namespace seg {

void WeightedLayer::register_uniform(at::IntArrayRef weight_shape, std::int64_t outputs, bool with_bias) {
  weight = register_parameter("weight", torch::empty(weight_shape));
  if (with_bias) bias = register_parameter("bias", torch::empty({outputs}));
  const torch::NoGradGuard no_grad;
  const double bound = 1 / std::sqrt(static_cast<double>(weight.numel() / weight.size(0)));
  weight.uniform_(-bound, bound);
  if (with_bias) bias.uniform_(-bound, bound);
}

void WeightedLayer::register_scale(std::int64_t features) {
  weight = register_parameter("weight", torch::ones({features}));
  bias = register_parameter("bias", torch::zeros({features}));
}

Conv2d::Conv2d(std::int64_t in, std::int64_t out, const ConvOptions& options) : options_(options) {
  const auto& kernel = options.kernel.values;
  register_uniform({out, in / options.groups, kernel[0], kernel[1]}, out, options.bias);
}

Tensor Conv2d::forward(const Tensor& x) const {
  // In training only: without gradients LibTorch is what the engine is compared with.
  const bool ones = options_.stride.values == std::array<std::int64_t, 2>{1, 1} &&
                    options_.padding.values == options_.stride.values;
  if (ones && torch::GradMode::is_enabled() && winograd_conv_takes(x, weight))
    return winograd_conv(x, weight, bias);
  return torch::conv2d(x, weight, bias, options_.stride, options_.padding, 1, options_.groups);
}

ConvTranspose2d::ConvTranspose2d(std::int64_t in, std::int64_t out, const Extent2d& kernel, bool with_bias)
    : kernel_(kernel) {
  register_uniform({in, out, kernel.values[0], kernel.values[1]}, out, with_bias);
}

Tensor ConvTranspose2d::forward(const Tensor& x) const {
  return torch::conv_transpose2d(x, weight, bias, kernel_);
}

Conv1d::Conv1d(std::int64_t channels, std::int64_t kernel, std::int64_t padding) : padding_(padding) {
  register_uniform({channels, 1, kernel}, channels, true);
}

Tensor Conv1d::forward(const Tensor& x) const {
  return torch::conv1d(x, weight, bias, 1, padding_, 1, weight.size(0));
}

LinearLayer::LinearLayer(std::int64_t in, std::int64_t out, bool with_bias) {
  register_uniform({out, in}, out, with_bias);
}

Tensor LinearLayer::forward(const Tensor& x) const {
  return torch::linear(x, weight, bias);
}

LayerNormLayer::LayerNormLayer(std::int64_t features, double eps) : eps_(eps) {
  register_scale(features);
}

Tensor LayerNormLayer::forward(const Tensor& x) const {
  return torch::layer_norm(x, weight.sizes(), weight, bias, eps_);
}

InstanceNorm2d::InstanceNorm2d(std::int64_t channels, bool affine, double eps) : eps_(eps) {
  if (affine) register_scale(channels);
}

Tensor InstanceNorm2d::forward(const Tensor& x) const {
  return torch::instance_norm(x, weight, bias, {}, {}, true, 0.1, eps_, true);
}

GroupNormLayer::GroupNormLayer(std::int64_t groups, std::int64_t channels) : groups_(groups) {
  register_scale(channels);
}

Tensor GroupNormLayer::forward(const Tensor& x) const {
  return torch::group_norm(x, groups_, weight, bias);
}

void ModuleListLayer::push_back(std::shared_ptr<torch::nn::Module> module) {
  register_module(std::to_string(children().size()), std::move(module));
}

}  // namespace seg
