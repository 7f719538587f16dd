#include "net/unet.h"

#include <ATen/record_function.h>

#include "base/error.h"

namespace seg {
namespace {

/// Every resolution but the bottleneck's has a head.
std::vector<Scale2d> head_scales(const UNetTopology& topology) {
  std::vector<Scale2d> scales;
  Scale2d scale{1, 1};
  for (std::size_t stage = 0; stage + 1 < topology.strides.size(); ++stage) {
    for (std::size_t axis = 0; axis < scale.size(); ++axis)
      scale[axis] /= static_cast<double>(topology.strides[stage][axis]);
    scales.push_back(scale);
  }
  return scales;
}

}  // namespace

UNetEncoder::UNetEncoder(Parts parts) : parts_(std::move(parts)) {
  if (parts_.stem) register_module("stem", parts_.stem);
  if (parts_.mamba_keys_first) register_module("mamba_layers", indexed(parts_.mamba_layers));
  register_module("stages", indexed(parts_.stages));
  if (!parts_.mamba_keys_first) register_module("mamba_layers", indexed(parts_.mamba_layers));
}

std::vector<Tensor> UNetEncoder::forward(Tensor x) {
  std::vector<Tensor> outputs;
  if (parts_.stem) x = parts_.stem->forward(x);
  for (std::size_t i = 0; i < parts_.stages.size(); ++i) {
    x = parts_.stages[i]->forward(x);
    if (i < parts_.mamba_layers.size() && parts_.mamba_layers[i]) x = parts_.mamba_layers[i]->forward(x);
    outputs.push_back(x);
  }
  return outputs;
}

UNetDecoder::UNetDecoder(const UNetTopology& topology, std::int64_t classes,
                         std::shared_ptr<UNetEncoder> encoder, Up up, const MakeStage& make_stage) {
  const auto features = features_of(topology);
  std::vector<StagePtr> stages;
  std::vector<std::shared_ptr<torch::nn::Module>> ups, heads;
  for (std::size_t below = features.size() - 1; below > 0; --below) {
    const std::int64_t in = features[below], out = features[below - 1];
    const Size2d stride = topology.strides[below];
    Level level;
    if (up == Up::transposed) {
      const auto conv = make_transposed_conv(in, out, stride, true);
      level.up = [conv](const Tensor& x) { return conv->forward(x); };
      level.skip = true;
      ups.push_back(conv);
    } else {
      // The 1x1 convolution commutes with the repetition of pixels, and goes first because it is cheaper
      // there.
      const auto conv = make_same_conv({in, out, {1, 1}});
      level.up = [conv, stride](const Tensor& x) {
        // net/cost counts the reference's order.
        RECORD_FUNCTION("seg::upsampled_conv",
                        std::vector<c10::IValue>({x, conv->weight, stride[0] * stride[1]}));
        const Tensor y = conv->forward(x);
        return torch::upsample_nearest2d(y, {y.size(2) * stride[0], y.size(3) * stride[1]});
      };
      level.skip = below > 1;
      ups.push_back(std::make_shared<NamedConv>(conv));
    }
    const StageShape shape{level.skip ? 2 * out : out, out, topology.kernels[below - 1]};
    level.stage = make_stage(shape, topology.convs_decoder[features.size() - 1 - below]);
    level.head = make_same_conv({out, classes, {1, 1}});
    stages.push_back(level.stage);
    heads.push_back(level.head);
    levels_.push_back(std::move(level));
  }
  register_module("encoder", std::make_shared<Alias>(std::move(encoder)));
  register_module("stages", indexed(stages));
  register_module(up == Up::transposed ? "transpconvs" : "upsample_layers", indexed(ups));
  register_module("seg_layers", indexed(heads));
}

std::vector<Tensor> UNetDecoder::forward(const std::vector<Tensor>& skips, bool every_head) {
  std::vector<Tensor> outputs;
  Tensor x = skips.back();
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    x = levels_[i].up(x);
    if (levels_[i].skip) x = torch::cat({x, skips[skips.size() - 2 - i]}, 1);
    x = levels_[i].stage->forward(x);
    if (every_head || i + 1 == levels_.size()) outputs.insert(outputs.begin(), levels_[i].head->forward(x));
  }
  return outputs;
}

std::vector<StageShape> encoder_shapes(const UNetTopology& topology, std::int64_t in_channels) {
  std::vector<StageShape> shapes;
  std::int64_t in = in_channels;
  for (const auto out : features_of(topology)) {
    const std::size_t stage = shapes.size();
    shapes.push_back({in, out, topology.kernels[stage], topology.strides[stage]});
    in = out;
  }
  return shapes;
}

UNet::UNet(const NetworkConfig& config, const UNetTopology& topology, Parts parts)
    : Network(config, total_stride(topology), head_scales(topology)), parts_(std::move(parts)) {
  register_module("encoder", parts_.encoder);
  if (parts_.bottleneck_inline) {
    register_module("ln", parts_.bottleneck->norm());
    register_module("mamba", parts_.bottleneck->mamba());
  } else if (parts_.bottleneck) {
    register_module("mamba_layer", parts_.bottleneck);
  }
  register_module("decoder", parts_.decoder);
  init_convolutions_he(*this);
}

Size2d UNet::legal_size(const Size2d& size) const {
  const Size2d& only = parts_.only_size;
  if (only == Size2d{}) return Network::legal_size(size);
  if (size[0] > only[0] || size[1] > only[1]) {
    throw Error(
        fmt::format("the network is built for {}x{} pixels, got {}x{}", only[0], only[1], size[0], size[1]),
        "its Mamba layers have the pixels of a feature map as features; cut the image into tiles");
  }
  return only;
}

std::vector<Tensor> UNet::run(const Tensor& x) {
  auto skips = parts_.encoder->forward(x);
  if (parts_.bottleneck) skips.back() = parts_.bottleneck->forward(skips.back());
  return parts_.decoder->forward(skips, deep_supervision());
}

}  // namespace seg
