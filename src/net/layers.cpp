#include "net/layers.h"

#include <torch/nn/init.h>

namespace seg {
namespace {

/// Instance norm without parameters or running statistics, eps 1e-5.
Tensor instance_norm(const Tensor& x) {
  return torch::instance_norm(x, {}, {}, {}, {}, true, 0.1, 1e-5, false);
}

}  // namespace

Conv make_conv(std::int64_t in, std::int64_t out, const ConvOptions& options) {
  return std::make_shared<Conv2d>(in, out, options);
}

TransposedConv make_transposed_conv(std::int64_t in, std::int64_t out, const Extent2d& kernel, bool bias) {
  return std::make_shared<ConvTranspose2d>(in, out, kernel, bias);
}

Linear make_linear(std::int64_t in, std::int64_t out, bool bias) {
  return std::make_shared<LinearLayer>(in, out, bias);
}

LayerNorm make_layer_norm(std::int64_t features) {
  return std::make_shared<LayerNormLayer>(features);
}

InstanceNorm make_instance_norm(std::int64_t channels, bool affine) {
  return std::make_shared<InstanceNorm2d>(channels, affine);
}

ModuleList make_module_list() {
  return std::make_shared<ModuleListLayer>();
}

void init_convolutions_he(torch::nn::Module& module) {
  const torch::NoGradGuard no_grad;
  const auto init = [](Tensor weight, Tensor bias) {
    torch::nn::init::kaiming_normal_(weight, 1e-2);
    if (bias.defined()) bias.zero_();
  };
  for (const auto& child : module.modules(/*include_self=*/false)) {
    if (const auto* conv = child->as<Conv2d>()) init(conv->weight, conv->bias);
    if (const auto* conv = child->as<ConvTranspose2d>()) init(conv->weight, conv->bias);
  }
}

Tensor DropPath::forward(const Tensor& branch) {
  if (!is_training() || rate_ == 0) return branch;
  const double keep = 1.0 - rate_;
  std::vector<std::int64_t> one_per_sample(static_cast<std::size_t>(branch.dim()), 1);
  one_per_sample[0] = branch.size(0);
  return branch * torch::empty(one_per_sample, branch.options()).bernoulli_(keep).div_(keep);
}

namespace {

std::vector<DropPath*> drop_paths_of(torch::nn::Module& module) {
  std::vector<DropPath*> drop_paths;
  for (const auto& child : module.modules(/*include_self=*/false)) {
    if (auto* drop_path = child->as<DropPath>()) drop_paths.push_back(drop_path);
  }
  return drop_paths;
}

}  // namespace

void set_drop_path_rate(torch::nn::Module& module, double rate) {
  for (auto* drop_path : drop_paths_of(module)) drop_path->set_rate(rate);
}

void spread_drop_path_rates(torch::nn::Module& module, double last) {
  const auto drop_paths = drop_paths_of(module);
  for (std::size_t i = 0; i < drop_paths.size(); ++i) {
    const auto place =
        static_cast<double>(i) / static_cast<double>(std::max<std::size_t>(1, drop_paths.size() - 1));
    drop_paths[i]->set_rate(last * place);
  }
}

NamedConv::NamedConv(Conv conv) : conv_(register_module("conv", std::move(conv))) {}
NamedConv::NamedConv(TransposedConv conv) : transposed_(register_module("conv", std::move(conv))) {}
Tensor NamedConv::forward(const Tensor& x) {
  return conv_ ? conv_->forward(x) : transposed_->forward(x);
}

ResidualBlock::ResidualBlock(std::int64_t in, std::int64_t out) {
  const ConvOptions wide{.padding = 1, .bias = false};
  const ConvOptions pointwise{.kernel = 1, .bias = false};
  conv1_ = register_module("conv1", std::make_shared<NamedConv>(make_conv(in, out, wide)));
  conv2_ = register_module("conv2", std::make_shared<NamedConv>(make_conv(out, out, wide)));
  if (in != out)
    conv3_ = register_module("conv3", std::make_shared<NamedConv>(make_conv(in, out, pointwise)));
}

Tensor ResidualBlock::forward(const Tensor& x) {
  Tensor y = instance_norm(conv1_->forward(x));
  torch::leaky_relu_(y, kLeakySlope);
  y = instance_norm(conv2_->forward(y));
  y += conv3_ ? instance_norm(conv3_->forward(x)) : x;
  return torch::leaky_relu_(y, kLeakySlope);
}

ResidualStage::ResidualStage(std::int64_t in, std::int64_t out)
    : layer_(register_module("layer", std::make_shared<ResidualBlock>(in, out))) {}

UpStage::UpStage(std::int64_t in, std::int64_t out)
    : transp_conv_(register_module("transp_conv",
                                   std::make_shared<NamedConv>(make_transposed_conv(in, out, 2, false)))),
      conv_block_(register_module("conv_block", std::make_shared<ResidualBlock>(2 * out, out))) {}

Tensor UpStage::forward(const Tensor& x, const Tensor& skip) {
  return conv_block_->forward(torch::cat({transp_conv_->forward(x), skip}, 1));
}

OutBlock::OutBlock(std::int64_t in, std::int64_t classes)
    : conv_(register_module("conv", std::make_shared<NamedConv>(make_conv(in, classes, {.kernel = 1})))) {}

}  // namespace seg
