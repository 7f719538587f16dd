#include "net/modules.h"

#include <cmath>
#include <string>

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
  register_uniform({out, in / options.groups, options.kernel, options.kernel}, out, options.bias);
}

Tensor Conv2d::forward(const Tensor& x) const {
  return torch::conv2d(x, weight, bias, options_.stride, options_.padding, 1, options_.groups);
}

ConvTranspose2d::ConvTranspose2d(std::int64_t in, std::int64_t out, std::int64_t kernel, bool with_bias)
    : kernel_(kernel) {
  register_uniform({in, out, kernel, kernel}, out, with_bias);
}

Tensor ConvTranspose2d::forward(const Tensor& x) const {
  return torch::conv_transpose2d(x, weight, bias, kernel_);
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

void ModuleListLayer::push_back(std::shared_ptr<torch::nn::Module> module) {
  register_module(std::to_string(children().size()), std::move(module));
}

}  // namespace seg
