// U-Mamba (Ma, Li and Wang 2024): residual U-Nets with a Mamba layer at the bottleneck (Bot) or in the
// encoder (Enc). The first release (v1) is what the paper's tables compare with; the present code has lighter
// stages.
#include "base/error.h"
#include "net/unet.h"

namespace seg {
namespace {

/// The stages of the present code: one block that may stride or change channels, then ResNet-D blocks.
StagePtr make_mixed_stage(const StageShape& shape, std::int64_t blocks) {
  std::vector<StagePtr> stages{std::make_shared<ConvSkipBlock>(shape)};
  for (std::int64_t i = 1; i < blocks; ++i) stages.push_back(std::make_shared<ResidualBlockD>(shape.next()));
  return std::make_shared<Chain>(std::move(stages));
}

/// The stem keeps size, the stages follow.
UNetEncoder::Parts encoder_parts(const NetworkConfig& config, const UNetTopology& topology,
                                 const UNetDecoder::MakeStage& make_stem,
                                 const UNetDecoder::MakeStage& make_stage) {
  const auto shapes = encoder_shapes(topology, config.in_channels);
  UNetEncoder::Parts parts;
  parts.stem = make_stem({config.in_channels, shapes[0].out, shapes[0].kernel}, topology.convs_encoder[0]);
  for (std::size_t stage = 0; stage < shapes.size(); ++stage) {
    StageShape shape = shapes[stage];
    if (stage == 0) shape.in = shape.out;
    parts.stages.push_back(make_stage(shape, topology.convs_encoder[stage]));
  }
  return parts;
}

std::shared_ptr<Network> make_v1(const NetworkConfig& config, bool mamba_in_encoder) {
  const UNetTopology topology = resolved_topology(config);
  const auto features = features_of(topology);
  const auto make_stem = [](const StageShape& shape, std::int64_t) { return make_conv_stack(shape, 1); };
  auto parts = encoder_parts(config, topology, make_stem, make_residual_stack);
  if (mamba_in_encoder) {
    for (const auto count : features)
      parts.mamba_layers.push_back(std::make_shared<MambaLayer>(count, false));
  }
  const auto encoder = std::make_shared<UNetEncoder>(std::move(parts));
  const auto decoder = std::make_shared<UNetDecoder>(topology, config.classes, encoder,
                                                     UNetDecoder::Up::transposed, make_residual_stack);
  UNet::Parts network{.encoder = encoder, .decoder = decoder};
  if (!mamba_in_encoder) {
    network.bottleneck = std::make_shared<MambaLayer>(features.back(), false);
    network.bottleneck_inline = true;
  }
  auto unet = std::make_shared<UNet>(config, topology, std::move(network));
  if (mamba_in_encoder) {  // the reference starts the residual paths of Enc at zero, those of Bot not
    const torch::NoGradGuard no_grad;
    for (auto& item : unet->named_parameters()) {
      if (item.key().find(".conv2.norm.") != std::string::npos) item.value().zero_();
    }
  }
  return unet;
}

std::shared_ptr<Network> make_present(const NetworkConfig& config, const UNetTopology& topology,
                                      UNetEncoder::Parts parts, UNet::Parts network) {
  network.encoder = std::make_shared<UNetEncoder>(std::move(parts));
  network.decoder = std::make_shared<UNetDecoder>(topology, config.classes, network.encoder,
                                                  UNetDecoder::Up::nearest, make_mixed_stage);
  return std::make_shared<UNet>(config, topology, std::move(network));
}

}  // namespace

std::shared_ptr<Network> make_umamba_bot_v1(const NetworkConfig& config) {
  return make_v1(config, false);
}

std::shared_ptr<Network> make_umamba_enc_v1(const NetworkConfig& config) {
  return make_v1(config, true);
}

std::shared_ptr<Network> make_umamba_bot(const NetworkConfig& config) {
  const UNetTopology topology = lightened(resolved_topology(config));
  UNet::Parts network;
  network.bottleneck = std::make_shared<MambaLayer>(features_of(topology).back(), false);
  return make_present(config, topology, encoder_parts(config, topology, make_mixed_stage, make_mixed_stage),
                      std::move(network));
}

std::shared_ptr<Network> make_umamba_enc(const NetworkConfig& config) {
  const UNetTopology topology = lightened(resolved_topology(config));
  const auto features = features_of(topology);
  const Size2d total = total_stride(topology);
  Size2d patch{};
  for (std::size_t axis = 0; axis < patch.size(); ++axis) {
    if (config.patch_size[axis] < 1) fail("umamba_enc needs the patch size it is built for");
    patch[axis] = (config.patch_size[axis] + total[axis] - 1) / total[axis] * total[axis];
  }
  auto parts = encoder_parts(config, topology, make_mixed_stage, make_mixed_stage);
  parts.mamba_keys_first = true;
  UNet::Parts network;
  Size2d size = patch;
  for (std::size_t stage = 0; stage < features.size(); ++stage) {
    for (std::size_t axis = 0; axis < size.size(); ++axis) size[axis] /= topology.strides[stage][axis];
    const std::int64_t pixels = size[0] * size[1];
    const bool channel_tokens = pixels <= features[stage];  // the shorter way to lay the feature map out
    std::shared_ptr<MambaLayer> layer;
    // Every second stage, so that the last one has one.
    if (stage % 2 != features.size() % 2)
      layer = std::make_shared<MambaLayer>(channel_tokens ? pixels : features[stage], channel_tokens);
    if (layer && channel_tokens) network.only_size = patch;
    parts.mamba_layers.push_back(std::move(layer));
  }
  return make_present(config, topology, std::move(parts), std::move(network));
}

}  // namespace seg
