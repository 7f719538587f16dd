// VMamba-Tiny (arXiv 2401.10166, first version): the ImageNet classifier whose blocks are Swin-UMamba's
// pretrained encoder.
#include "net/network.h"
#include "net/vss.h"

namespace seg {
namespace vmamba_tiny {
namespace {

constexpr std::int64_t kPatch = 4, kSmallest = 32;
constexpr double kDropPathRate = 0.1;

class VMambaTiny : public Network {
 public:
  explicit VMambaTiny(const NetworkConfig& config) : Network(config, {1, 1}, {}) {
    constexpr auto& kDims = VssEncoder::kDims;
    patch_embed_ =
        register_module("patch_embed", std::make_shared<PatchEmbed>(kPatch, config.in_channels, kDims[0]));
    const auto rates = VssEncoder::drop_path_rates(kDropPathRate);
    const auto list = register_module("layers", make_module_list());
    for (std::size_t s = 0; s < kDims.size(); ++s) {
      layers_.push_back(std::make_shared<VssLayer>(kDims[s], rates[s]));
      list->push_back(layers_.back());
      if (s + 1 < kDims.size()) {
        downsamples_.push_back(
            layers_[s]->register_module("downsample", std::make_shared<PatchMerging>(kDims[s])));
      }
    }
    norm_ = register_module("norm", make_layer_norm(kDims.back()));
    head_ = register_module("head", make_linear(kDims.back(), config.classes, true));
    init_linears(*this);
  }

  /// Any size from one token of the last stage on: what does not fill a token is left out, as the reference
  /// does.
  Size2d legal_size(const Size2d& size) const override {
    return {std::max(size[0], kSmallest), std::max(size[1], kSmallest)};
  }

 protected:
  std::vector<Tensor> run(const Tensor& x) override {
    Tensor y = patch_embed_->forward(x);
    for (std::size_t s = 0; s < layers_.size(); ++s) {
      y = layers_[s]->forward(y);
      if (s < downsamples_.size()) y = downsamples_[s]->forward(y);
    }
    return {head_->forward(norm_->forward(y).mean({1, 2}))};  // [B, classes]
  }

 private:
  std::shared_ptr<PatchEmbed> patch_embed_;
  std::vector<std::shared_ptr<VssLayer>> layers_;
  std::vector<std::shared_ptr<PatchMerging>> downsamples_;
  LayerNorm norm_;
  Linear head_;
};

}  // namespace
}  // namespace vmamba_tiny

std::shared_ptr<Network> make_vmamba_tiny(const NetworkConfig& config) {
  return std::make_shared<vmamba_tiny::VMambaTiny>(config);
}

}  // namespace seg
