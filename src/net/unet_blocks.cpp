#include "net/unet_blocks.h"

namespace seg {
namespace {

constexpr double kLeakySlope = 0.01;

/// The shape of a stage's later layers.
StageShape after(const StageShape& first) {
  return {first.out, first.out, first.kernel};
}

Tensor in_turn(const std::vector<StagePtr>& stages, Tensor x) {
  for (const auto& stage : stages) x = stage->forward(std::move(x));
  return x;
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

ConvStack::ConvStack(const StageShape& shape, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i)
    convs_.push_back(std::make_shared<ConvNorm>(i == 0 ? shape : after(shape), true, true));
  register_module("convs", indexed(convs_));
}

Tensor ConvStack::forward(Tensor x) {
  return in_turn(convs_, std::move(x));
}

ResidualBlockD::ResidualBlockD(const StageShape& shape) : stride_(shape.stride) {
  conv1_ = register_module("conv1", std::make_shared<ConvNorm>(shape, true, true));
  conv2_ = register_module("conv2", std::make_shared<ConvNorm>(after(shape), true, false));
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

ResidualStack::ResidualStack(const StageShape& shape, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i)
    blocks_.push_back(std::make_shared<ResidualBlockD>(i == 0 ? shape : after(shape)));
  register_module("blocks", indexed(blocks_));
}

Tensor ResidualStack::forward(Tensor x) {
  return in_turn(blocks_, std::move(x));
}

ConvSkipBlock::ConvSkipBlock(const StageShape& shape)
    : conv1_(register_module("conv1", make_same_conv(shape))),
      // The order of the reference's state dict: conv1, norm1, conv2, norm2, conv3.
      norm1_(register_module("norm1", make_instance_norm(shape.out, true))) {
  conv2_ = register_module("conv2", make_same_conv(after(shape)));
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

Sequence::Sequence(std::vector<StagePtr> stages) : stages_(std::move(stages)) {
  for (std::size_t i = 0; i < stages_.size(); ++i) register_module(std::to_string(i), stages_[i]);
}

Tensor Sequence::forward(Tensor x) {
  return in_turn(stages_, std::move(x));
}

}  // namespace seg
