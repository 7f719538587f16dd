// SwinUNETR (arXiv 2201.01266) for 2-D images, as MONAI 1.3.0 builds it: Swin Transformer encoder, residual
// convolution decoder.
#include "net/attention.h"
#include "net/network.h"
#include "net/vss.h"

namespace seg {
namespace swin_unetr {
namespace {

constexpr std::int64_t kFeatures = 48, kWindow = 7, kPatch = 2, kDepth = 2;
constexpr std::array<std::int64_t, 4> kHeads{3, 6, 12, 24};

/// A 2x2 convolution of stride 2 under the key "proj".
class SwinPatchEmbed : public torch::nn::Module {
 public:
  explicit SwinPatchEmbed(std::int64_t in_channels)
      : proj_(register_module("proj",
                              make_conv(in_channels, kFeatures, {.kernel = kPatch, .stride = kPatch}))) {}
  Tensor forward(const Tensor& x) { return to_channels_last(proj_->forward(x)).contiguous(); }

 private:
  Conv proj_;
};

/// Window blocks and the merging of 2x2 tokens: [B, H, W, C] -> [B, H/2, W/2, 2C].
class SwinStage : public torch::nn::Module {
 public:
  SwinStage(std::int64_t dim, std::int64_t heads) {
    const auto list = register_module("blocks", make_module_list());
    for (std::int64_t i = 0; i < kDepth; ++i) {
      blocks_.push_back(
          std::make_shared<WindowBlock>(WindowBlockOptions{.dim = dim,
                                                           .heads = heads,
                                                           .window = kWindow,
                                                           .shift = i % 2 == 0 ? 0 : kWindow / 2,
                                                           .mlp_keys = {"linear1", "linear2"}}));
      list->push_back(blocks_.back());
    }
    downsample_ = register_module("downsample", std::make_shared<PatchMerging>(dim));
  }
  Tensor forward(Tensor x) {
    for (const auto& block : blocks_) x = block->forward(x);
    return downsample_->forward(x);
  }

 private:
  std::vector<std::shared_ptr<WindowBlock>> blocks_;
  std::shared_ptr<PatchMerging> downsample_;
};

/// The encoder: keys "layers1.0" to "layers4.0".
class SwinEncoder : public torch::nn::Module {
 public:
  explicit SwinEncoder(std::int64_t in_channels)
      : patch_embed_(register_module("patch_embed", std::make_shared<SwinPatchEmbed>(in_channels))) {
    for (std::size_t s = 0; s < kHeads.size(); ++s) {
      stages_.push_back(std::make_shared<SwinStage>(kFeatures << s, kHeads[s]));
      register_module("layers" + std::to_string(s + 1), make_module_list())->push_back(stages_.back());
    }
  }

  /// The embedding and the output of each stage, layer-normalised without parameters:
  /// [B, 48 .. 768, H/2 .. H/32, W/2 .. W/32].
  std::vector<Tensor> forward(const Tensor& x) {
    std::vector<Tensor> outputs;
    const auto keep = [&](const Tensor& y) {
      outputs.push_back(to_channels_first(torch::layer_norm(y, {y.size(3)})));
    };
    Tensor y = patch_embed_->forward(x);
    keep(y);
    for (const auto& stage : stages_) {
      y = stage->forward(y);
      keep(y);
    }
    return outputs;
  }

 private:
  std::shared_ptr<SwinPatchEmbed> patch_embed_;
  std::vector<std::shared_ptr<SwinStage>> stages_;
};

class SwinUnetr : public Network {
 public:
  explicit SwinUnetr(const NetworkConfig& config) : Network(config, {32, 32}, {{1, 1}}) {
    const auto residual = [&](const char* name, std::int64_t in, std::int64_t out) {
      return register_module(name, std::make_shared<ResidualStage>(in, out));
    };
    const auto up = [&](const char* name, std::int64_t in, std::int64_t out) {
      return register_module(name, std::make_shared<UpStage>(in, out));
    };
    swin_vit_ = register_module("swinViT", std::make_shared<SwinEncoder>(config.in_channels));
    encoder1_ = residual("encoder1", config.in_channels, kFeatures);
    encoder2_ = residual("encoder2", kFeatures, kFeatures);
    encoder3_ = residual("encoder3", 2 * kFeatures, 2 * kFeatures);
    encoder4_ = residual("encoder4", 4 * kFeatures, 4 * kFeatures);
    encoder10_ = residual("encoder10", 16 * kFeatures, 16 * kFeatures);
    decoder5_ = up("decoder5", 16 * kFeatures, 8 * kFeatures);
    decoder4_ = up("decoder4", 8 * kFeatures, 4 * kFeatures);
    decoder3_ = up("decoder3", 4 * kFeatures, 2 * kFeatures);
    decoder2_ = up("decoder2", 2 * kFeatures, kFeatures);
    decoder1_ = up("decoder1", kFeatures, kFeatures);
    out_ = register_module("out", std::make_shared<OutBlock>(kFeatures, config.classes));
  }

 protected:
  std::vector<Tensor> run(const Tensor& x) override {
    const auto hidden = swin_vit_->forward(x);
    Tensor y = encoder10_->forward(hidden[4]);                 // [B, 768, H/32, W/32]
    y = decoder5_->forward(y, hidden[3]);                      // [B, 384, H/16, W/16]
    y = decoder4_->forward(y, encoder4_->forward(hidden[2]));  // [B, 192, H/8, W/8]
    y = decoder3_->forward(y, encoder3_->forward(hidden[1]));  // [B, 96, H/4, W/4]
    y = decoder2_->forward(y, encoder2_->forward(hidden[0]));  // [B, 48, H/2, W/2]
    return {out_->forward(decoder1_->forward(y, encoder1_->forward(x)))};
  }

 private:
  std::shared_ptr<SwinEncoder> swin_vit_;
  std::shared_ptr<ResidualStage> encoder1_, encoder2_, encoder3_, encoder4_, encoder10_;
  std::shared_ptr<UpStage> decoder5_, decoder4_, decoder3_, decoder2_, decoder1_;
  std::shared_ptr<OutBlock> out_;
};

}  // namespace
}  // namespace swin_unetr

std::shared_ptr<Network> make_swin_unetr(const NetworkConfig& config) {
  return std::make_shared<swin_unetr::SwinUnetr>(config);
}

}  // namespace seg
