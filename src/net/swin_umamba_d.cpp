// Swin-UMamba† (arXiv 2402.03302, section 2.4): VMamba-Tiny encoder on the image, decoder of patch expanding
// and VSS blocks, 4x final expanding.
#include "net/network.h"
#include "net/vss.h"

namespace seg {
namespace swin_umamba_d {
namespace {

constexpr std::size_t kStages = VssEncoder::kDims.size();
constexpr std::int64_t kBlocksPerStage = 2;
constexpr double kDropPathRate = 0.2;

/// Stages run from the bottleneck upwards; "stages", "expand_layers", "seg_layers", "concat_back_dim" are
/// lists.
class VssDecoder : public torch::nn::Module {
 public:
  explicit VssDecoder(std::int64_t classes) {
    const auto stages = register_module("stages", make_module_list());
    const auto expands = register_module("expand_layers", make_module_list());
    const auto heads = register_module("seg_layers", make_module_list());
    const auto concats = register_module("concat_back_dim", make_module_list());
    for (std::size_t s = 0; s + 1 < kStages; ++s) {
      const std::int64_t below = VssEncoder::kDims[kStages - 1 - s],
                         skip = VssEncoder::kDims[kStages - 2 - s];
      expands_.push_back(std::make_shared<PatchExpand>(below, 2, below / 2));
      stages_.push_back(std::make_shared<VssLayer>(skip, drop_path_rates(s)));
      heads_.push_back(make_conv(skip, classes, {.kernel = 1}));
      concats_.push_back(make_linear(2 * skip, skip, true));
      stages->push_back(stages_.back());
      concats->push_back(concats_.back());
    }
    const std::int64_t last = VssEncoder::kDims[0];
    expands_.push_back(std::make_shared<PatchExpand>(last, 4, last));
    heads_.push_back(make_conv(last, classes, {.kernel = 1}));
    for (const auto& expand : expands_) expands->push_back(expand);
    for (const auto& head : heads_) heads->push_back(head);
  }

  /// Encoder outputs, highest resolution first -> logits, highest resolution first.
  std::vector<Tensor> forward(const std::vector<Tensor>& encoded, bool every_head) {
    std::vector<Tensor> outputs;
    Tensor x = encoded.back();  // [B, C, H, W]
    for (std::size_t s = 0; s < kStages; ++s) {
      Tensor y = expands_[s]->forward(x);  // [B, H, W, C]
      if (s + 1 < kStages) {
        const Tensor& skip = encoded[kStages - 2 - s];
        y = stages_[s]->forward(concats_[s]->forward(torch::cat({y, to_channels_last(skip)}, -1)));
      }
      x = to_channels_first(y);
      if (every_head || s + 1 == kStages) outputs.insert(outputs.begin(), heads_[s]->forward(x));
    }
    return outputs;
  }

 private:
  /// The decoder's rates fall linearly from the bottleneck to the output.
  static std::vector<double> drop_path_rates(std::size_t stage) {
    constexpr auto kBlocks = static_cast<std::int64_t>(kStages - 1) * kBlocksPerStage;
    std::vector<double> rates;
    for (std::int64_t i = 0; i < kBlocksPerStage; ++i) {
      const auto block = static_cast<std::int64_t>(stage) * kBlocksPerStage + i;
      rates.push_back(kDropPathRate * static_cast<double>(kBlocks - 1 - block) /
                      static_cast<double>(kBlocks - 1));
    }
    return rates;
  }

  std::vector<std::shared_ptr<PatchExpand>> expands_;
  std::vector<std::shared_ptr<VssLayer>> stages_;
  std::vector<Conv> heads_;
  std::vector<Linear> concats_;
};

class SwinUMambaD : public Network {
 public:
  explicit SwinUMambaD(const NetworkConfig& config)
      : Network(config, {32, 32}, {{1, 1}, {0.25, 0.25}, {0.125, 0.125}, {0.0625, 0.0625}}) {
    vssm_encoder_ = register_module("vssm_encoder", std::make_shared<VssEncoder>(4, config.in_channels));
    decoder_ = register_module("decoder", std::make_shared<VssDecoder>(config.classes));
    init_convolutions_he(*this);
  }

  std::vector<Tensor> pretrained_parameters() override {
    return vssm_encoder_->parameters_without_patch_embed();
  }

 protected:
  std::vector<Tensor> run(const Tensor& x) override {
    return decoder_->forward(vssm_encoder_->forward(x), deep_supervision());
  }

 private:
  std::shared_ptr<VssEncoder> vssm_encoder_;
  std::shared_ptr<VssDecoder> decoder_;
};

}  // namespace
}  // namespace swin_umamba_d

std::shared_ptr<Network> make_swin_umamba_d(const NetworkConfig& config) {
  return std::make_shared<swin_umamba_d::SwinUMambaD>(config);
}

}  // namespace seg
