// Swin-UMamba (arXiv 2402.03302, figure 1): stem, VMamba-Tiny encoder, residual convolution decoder with
// skips.
#include <ATen/record_function.h>

#include "net/network.h"
#include "net/vss.h"

namespace seg {
namespace swin_umamba {
namespace {

constexpr std::array<std::int64_t, 5> kFeatures{48, 96, 192, 384, 768};

/// 7x7 convolution of stride 2 and instance norm, keys "0" and "1".
class Stem : public torch::nn::Module {
 public:
  explicit Stem(std::int64_t in_channels)
      : conv_(register_module(
            "0", make_conv(in_channels, kFeatures[0], {.kernel = 7, .stride = 2, .padding = 3}))),
        norm_(register_module("1", make_instance_norm(kFeatures[0], true))) {}
  Tensor forward(const Tensor& x) { return norm_->forward(conv_->forward(x)); }

 private:
  Conv conv_;
  InstanceNorm norm_;
};

class SwinUMamba : public Network {
 public:
  /// The first public version has no decoder6 and does not use the last stage of its encoder.
  SwinUMamba(const NetworkConfig& config, bool first_version)
      : Network(config, {32, 32}, {{1, 1}, {0.5, 0.5}, {0.25, 0.25}, {0.125, 0.125}}) {
    const auto residual = [&](const char* name, std::int64_t in, std::int64_t out) {
      return register_module(name, std::make_shared<ResidualStage>(in, out));
    };
    const auto up = [&](const char* name, std::int64_t in, std::int64_t out) {
      return register_module(name, std::make_shared<UpStage>(in, out));
    };
    stem_ = register_module("stem", std::make_shared<Stem>(config.in_channels));
    vssm_encoder_ = register_module("vssm_encoder", std::make_shared<VssEncoder>(2, kFeatures[0]));
    encoder1_ = residual("encoder1", config.in_channels, kFeatures[0]);
    encoder2_ = residual("encoder2", kFeatures[0], kFeatures[1]);
    encoder3_ = residual("encoder3", kFeatures[1], kFeatures[2]);
    encoder4_ = residual("encoder4", kFeatures[2], kFeatures[3]);
    encoder5_ = residual("encoder5", kFeatures[3], kFeatures[4]);
    if (!first_version) decoder6_ = up("decoder6", kFeatures[4], kFeatures[4]);
    decoder5_ = up("decoder5", kFeatures[4], kFeatures[3]);
    decoder4_ = up("decoder4", kFeatures[3], kFeatures[2]);
    decoder3_ = up("decoder3", kFeatures[2], kFeatures[1]);
    decoder2_ = up("decoder2", kFeatures[1], kFeatures[0]);
    decoder1_ = residual("decoder1", kFeatures[0], kFeatures[0]);
    const auto list = register_module("out_layers", make_module_list());
    for (std::size_t i = 0; i < scales().size(); ++i) {
      out_layers_.push_back(std::make_shared<OutBlock>(kFeatures[i], config.classes));
      list->push_back(out_layers_.back());
    }
  }

  std::vector<Tensor> pretrained_parameters() override {
    return vssm_encoder_->parameters_without_patch_embed();
  }

 protected:
  std::vector<Tensor> run(const Tensor& x) override {
    const Tensor stem = stem_->forward(x);              // [B, 48, H/2, W/2]
    const auto encoded = vssm_encoder_->forward(stem);  // [B, 96 .. 768, H/4 .. H/32, W/4 .. W/32]
    if (!decoder6_) {
      RECORD_FUNCTION("seg::unused", std::vector<c10::IValue>({encoded[3]}));  // for net/cost
    }
    const Tensor enc5 = encoder5_->forward(encoded[2]);  // [B, 768, H/16, W/16]
    const Tensor dec4 = decoder6_ ? decoder6_->forward(encoded[3], enc5) : enc5;
    const Tensor dec3 = decoder5_->forward(dec4, encoder4_->forward(encoded[1]));  // [B, 384, H/8, W/8]
    const Tensor dec2 = decoder4_->forward(dec3, encoder3_->forward(encoded[0]));  // [B, 192, H/4, W/4]
    const Tensor dec1 = decoder3_->forward(dec2, encoder2_->forward(stem));        // [B, 96, H/2, W/2]
    const Tensor dec0 = decoder2_->forward(dec1, encoder1_->forward(x));           // [B, 48, H, W]
    std::vector<Tensor> outputs{out_layers_[0]->forward(decoder1_->forward(dec0))};
    if (deep_supervision()) {
      outputs.push_back(out_layers_[1]->forward(dec1));
      outputs.push_back(out_layers_[2]->forward(dec2));
      outputs.push_back(out_layers_[3]->forward(dec3));
    }
    return outputs;
  }

 private:
  std::shared_ptr<Stem> stem_;
  std::shared_ptr<VssEncoder> vssm_encoder_;
  std::shared_ptr<ResidualStage> encoder1_, encoder2_, encoder3_, encoder4_, encoder5_, decoder1_;
  std::shared_ptr<UpStage> decoder6_, decoder5_, decoder4_, decoder3_, decoder2_;
  std::vector<std::shared_ptr<OutBlock>> out_layers_;
};

}  // namespace
}  // namespace swin_umamba

std::shared_ptr<Network> make_swin_umamba(const NetworkConfig& config) {
  return std::make_shared<swin_umamba::SwinUMamba>(config, false);
}

std::shared_ptr<Network> make_swin_umamba_v1(const NetworkConfig& config) {
  return std::make_shared<swin_umamba::SwinUMamba>(config, true);
}

}  // namespace seg
