#include "net/unet_blocks.h"

#include "net/layers.h"

namespace seg {
namespace {

/// A chain of blocks made by `make_block(shape)`.
template <class MakeBlock>
StagePtr make_stack(StageShape shape, std::int64_t count, const char* key, const MakeBlock& make_block) {
  std::vector<StagePtr> blocks;
  for (; count > 0; --count, shape = shape.next()) blocks.push_back(make_block(shape));
  return std::make_shared<Chain>(std::move(blocks), key);
}

}  // namespace

Conv make_same_conv(const StageShape& shape, bool bias) {
  const Size2d padding{shape.kernel[0] / 2, shape.kernel[1] / 2};
  return make_conv(shape.in, shape.out,
                   {.kernel = shape.kernel, .stride = shape.stride, .padding = padding, .bias = bias});
}

ConvNorm::ConvNorm(const StageShape& shape, bool bias, bool activation)
    : conv_(register_module("conv", make_same_conv(shape, bias))),
      norm_(register_module("norm", make_instance_norm(shape.out, true))),
      activation_(activation) {
  const std::vector aliases{std::make_shared<Alias>(conv_), std::make_shared<Alias>(norm_)};
  register_module("all_modules", indexed(aliases));
}

Tensor ConvNorm::forward(Tensor x) {
  Tensor y = norm_->forward(conv_->forward(x));
  return activation_ ? torch::leaky_relu_(y, kLeakySlope) : y;
}

ResidualBlockD::ResidualBlockD(const StageShape& shape) : stride_(shape.stride) {
  conv1_ = register_module("conv1", std::make_shared<ConvNorm>(shape, true, true));
  conv2_ = register_module("conv2", std::make_shared<ConvNorm>(shape.next(), true, false));
  if (shape.in == shape.out) return;
  project_ = std::make_shared<ConvNorm>(StageShape{shape.in, shape.out, {1, 1}}, false, false);
  // Behind the pooling, where there is one.
  const bool strides = stride_ != Size2d{1, 1};
  register_module("skip",
                  indexed(strides ? std::vector<StagePtr>{nullptr, project_} : std::vector{project_}));
}

Tensor ResidualBlockD::forward(Tensor x) {
  Tensor y = conv2_->forward(conv1_->forward(x));
  if (stride_ != Size2d{1, 1}) x = torch::avg_pool2d(x, stride_, stride_);
  y += project_ ? project_->forward(x) : x;
  return torch::leaky_relu_(y, kLeakySlope);
}

ConvSkipBlock::ConvSkipBlock(const StageShape& shape)
    : conv1_(register_module("conv1", make_same_conv(shape))),
      // The order of the reference's state dict: conv1, norm1, conv2, norm2, conv3.
      norm1_(register_module("norm1", make_instance_norm(shape.out, true))) {
  conv2_ = register_module("conv2", make_same_conv(shape.next()));
  norm2_ = register_module("norm2", make_instance_norm(shape.out, true));
  conv3_ = register_module("conv3", make_same_conv({shape.in, shape.out, {1, 1}, shape.stride}));
}

Tensor ConvSkipBlock::forward(Tensor x) {
  Tensor y = norm1_->forward(conv1_->forward(x));
  torch::leaky_relu_(y, kLeakySlope);
  y = norm2_->forward(conv2_->forward(y));
  y += conv3_->forward(x);
  return torch::leaky_relu_(y, kLeakySlope);
}

Chain::Chain(std::vector<StagePtr> stages, const std::string& key) : stages_(std::move(stages)) {
  if (!key.empty()) {
    register_module(key, indexed(stages_));
    return;
  }
  for (std::size_t i = 0; i < stages_.size(); ++i) register_module(std::to_string(i), stages_[i]);
}

Tensor Chain::forward(Tensor x) {
  for (const auto& stage : stages_) x = stage->forward(std::move(x));
  return x;
}

StagePtr make_conv_stack(const StageShape& shape, std::int64_t count) {
  return make_stack(shape, count, "convs",
                    [](const StageShape& s) { return std::make_shared<ConvNorm>(s, true, true); });
}

StagePtr make_residual_stack(const StageShape& shape, std::int64_t count) {
  return make_stack(shape, count, "blocks",
                    [](const StageShape& s) { return std::make_shared<ResidualBlockD>(s); });
}

}  // namespace seg
