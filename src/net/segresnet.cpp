// SegResNet (arXiv 1810.11654 without its autoencoder) for 2-D images, as MONAI 1.3.0 builds it with
// U-Mamba's settings: pre-activation residual blocks, bilinear upsampling, additive skips.
#include "net/network.h"

namespace seg {
namespace segresnet {
namespace {

constexpr std::int64_t kFeatures = 32, kGroups = 8;
constexpr std::array<int, 4> kBlocksDown{1, 2, 2, 4};
constexpr std::size_t kStages = kBlocksDown.size();

GroupNorm make_group_norm(std::int64_t channels) {
  return std::make_shared<GroupNormLayer>(kGroups, channels);
}

/// x + conv2(relu(norm2(conv1(relu(norm1(x)))))).
class PreActivationBlock : public torch::nn::Module {
 public:
  explicit PreActivationBlock(std::int64_t channels)
      : norm1_(register_module("norm1", make_group_norm(channels))),
        norm2_(register_module("norm2", make_group_norm(channels))) {
    const auto conv = [&] {
      return std::make_shared<NamedConv>(make_conv(channels, channels, {.padding = 1, .bias = false}));
    };
    conv1_ = register_module("conv1", conv());
    conv2_ = register_module("conv2", conv());
  }
  Tensor forward(const Tensor& x) {  // [B, C, H, W] -> [B, C, H, W]
    const Tensor y = conv1_->forward(norm1_->forward(x).relu_());
    return conv2_->forward(norm2_->forward(y).relu_()).add_(x);
  }

 private:
  GroupNorm norm1_, norm2_;
  std::shared_ptr<NamedConv> conv1_, conv2_;
};

/// The reference's sequences are lists here; places of layers without parameters are kept by identities.
class SegResNet : public Network {
 public:
  explicit SegResNet(const NetworkConfig& config) : Network(config, {8, 8}, {{1, 1}}) {
    conv_init_ = register_module("convInit", make_named(config.in_channels, kFeatures, {.padding = 1}));
    const auto down_layers = register_module("down_layers", make_module_list());
    const auto up_layers = register_module("up_layers", make_module_list());
    const auto up_samples = register_module("up_samples", make_module_list());
    for (std::size_t s = 0; s < kStages; ++s) {
      const std::int64_t channels = kFeatures << s;
      const auto stage = make_module_list();
      if (s == 0) {
        stage->push_back(std::make_shared<Placeholder>());
      } else {
        down_convs_.push_back(make_named(channels / 2, channels, {.stride = 2, .padding = 1}));
        stage->push_back(down_convs_.back());
      }
      for (int i = 0; i < kBlocksDown[s]; ++i) {
        down_blocks_[s].push_back(std::make_shared<PreActivationBlock>(channels));
        stage->push_back(down_blocks_[s].back());
      }
      down_layers->push_back(stage);
    }
    for (std::size_t s = kStages - 1; s > 0; --s) {
      const std::int64_t channels = kFeatures << (s - 1);
      up_convs_.push_back(make_named(2 * channels, channels, {.kernel = 1}));
      up_blocks_.push_back(std::make_shared<PreActivationBlock>(channels));
      const auto sample = make_module_list(), layer = make_module_list();
      sample->push_back(up_convs_.back());
      layer->push_back(up_blocks_.back());
      up_samples->push_back(sample);
      up_layers->push_back(layer);
    }
    const auto final = register_module("conv_final", make_module_list());
    final_norm_ = make_group_norm(kFeatures);
    final_conv_ = std::make_shared<NamedConv>(make_conv(kFeatures, config.classes, {.kernel = 1}));
    final->push_back(final_norm_);
    final->push_back(std::make_shared<Placeholder>());
    final->push_back(final_conv_);
  }

 protected:
  std::vector<Tensor> run(const Tensor& x) override {
    std::vector<Tensor> skips;
    Tensor y = conv_init_->forward(x);
    for (std::size_t s = 0; s < kStages; ++s) {
      if (s > 0) y = down_convs_[s - 1]->forward(y);
      for (const auto& block : down_blocks_[s]) y = block->forward(y);
      skips.push_back(y);  // [B, 32 * 2^s, H / 2^s, W / 2^s]
    }
    for (std::size_t i = 0; i < up_convs_.size(); ++i) {
      const Tensor& skip = skips[kStages - 2 - i];
      y = torch::upsample_bilinear2d(up_convs_[i]->forward(y), skip.sizes().slice(2),
                                     /*align_corners=*/false);
      y = up_blocks_[i]->forward(y.add_(skip));
    }
    return {final_conv_->forward(final_norm_->forward(y).relu_())};
  }

 private:
  static std::shared_ptr<NamedConv> make_named(std::int64_t in, std::int64_t out, ConvOptions options) {
    options.bias = false;
    return std::make_shared<NamedConv>(make_conv(in, out, options));
  }

  std::shared_ptr<NamedConv> conv_init_, final_conv_;
  std::vector<std::shared_ptr<NamedConv>> down_convs_, up_convs_;
  std::array<std::vector<std::shared_ptr<PreActivationBlock>>, kStages> down_blocks_;
  std::vector<std::shared_ptr<PreActivationBlock>> up_blocks_;
  GroupNorm final_norm_;
};

}  // namespace
}  // namespace segresnet

std::shared_ptr<Network> make_segresnet(const NetworkConfig& config) {
  return std::make_shared<segresnet::SegResNet>(config);
}

}  // namespace seg
