// UNETR (arXiv 2103.10504) for 2-D images, as MONAI 1.3.0 builds it: a vision transformer whose hidden states
// are the skips of a convolutional decoder. Its position embeddings tie it to one image size.
#include <cmath>

#include "net/attention.h"
#include "net/network.h"

namespace seg {
namespace unetr {
namespace {

constexpr std::int64_t kPatch = 16, kHidden = 768, kMlp = 3072, kHeads = 12, kBlocks = 12, kFeatures = 16;
constexpr double kPositionStd = 0.02;

/// 16x16 patches to tokens, and their learned positions.
class PatchTokens : public torch::nn::Module {
 public:
  PatchTokens(std::int64_t in_channels, std::int64_t tokens)
      : position_embeddings_(
            register_parameter("position_embeddings", torch::randn({1, tokens, kHidden}) * kPositionStd)),
        patch_embeddings_(register_module(
            "patch_embeddings", make_conv(in_channels, kHidden, {.kernel = kPatch, .stride = kPatch}))) {}
  Tensor forward(const Tensor& x) {  // [B, C, H, W] -> [B, HW / 256, 768]
    return patch_embeddings_->forward(x).flatten(2).transpose(1, 2) + position_embeddings_;
  }

 private:
  Tensor position_embeddings_;
  Conv patch_embeddings_;
};

/// Multi-head attention among all tokens.
class SelfAttention : public torch::nn::Module {
 public:
  SelfAttention()
      : out_proj_(register_module("out_proj", make_linear(kHidden, kHidden, true))),
        qkv_(register_module("qkv", make_linear(kHidden, 3 * kHidden, false))) {}
  Tensor forward(const Tensor& x) {  // [B, N, 768] -> [B, N, 768]
    constexpr std::int64_t kWidth = kHidden / kHeads;
    const auto qkv = qkv_->forward(x)
                         .view({x.size(0), x.size(1), 3, kHeads, kWidth})
                         .permute({2, 0, 3, 1, 4});  // [3, B, heads, N, width]
    const Tensor scores = torch::einsum("bhxd,bhyd->bhxy", {qkv[0], qkv[1]});
    const Tensor weights = (scores * (1 / std::sqrt(static_cast<double>(kWidth)))).softmax(-1);
    const Tensor mixed = torch::einsum("bhxy,bhyd->bhxd", {weights, qkv[2]});
    return out_proj_->forward(mixed.transpose(1, 2).reshape(x.sizes()));
  }

 private:
  Linear out_proj_, qkv_;
};

/// x + attention(LayerNorm(x)), then the same with a perceptron.
class TransformerBlock : public torch::nn::Module {
 public:
  TransformerBlock()
      : mlp_(register_module(
            "mlp", std::make_shared<Perceptron>(kHidden, kMlp, Perceptron::Keys{"linear1", "linear2"}))),
        norm1_(register_module("norm1", make_layer_norm(kHidden))),
        attn_(register_module("attn", std::make_shared<SelfAttention>())),
        norm2_(register_module("norm2", make_layer_norm(kHidden))) {}
  Tensor forward(const Tensor& x) {
    const Tensor y = x + attn_->forward(norm1_->forward(x));
    return y + mlp_->forward(norm2_->forward(y));
  }

 private:
  std::shared_ptr<Perceptron> mlp_;
  LayerNorm norm1_;
  std::shared_ptr<SelfAttention> attn_;
  LayerNorm norm2_;
};

class VisionTransformer : public torch::nn::Module {
 public:
  VisionTransformer(std::int64_t in_channels, std::int64_t tokens)
      : patch_embedding_(
            register_module("patch_embedding", std::make_shared<PatchTokens>(in_channels, tokens))) {
    const auto list = register_module("blocks", make_module_list());
    for (std::int64_t i = 0; i < kBlocks; ++i) {
      blocks_.push_back(std::make_shared<TransformerBlock>());
      list->push_back(blocks_.back());
    }
    norm_ = register_module("norm", make_layer_norm(kHidden));
  }

  /// The output of every block, and after them the normalised last one, each [B, 768, H/16, W/16].
  std::vector<Tensor> forward(const Tensor& x) {
    const std::vector<std::int64_t> grid{x.size(0), kHidden, x.size(2) / kPatch, x.size(3) / kPatch};
    const auto map = [&](const Tensor& tokens) { return tokens.transpose(1, 2).reshape(grid); };
    std::vector<Tensor> maps;
    Tensor y = patch_embedding_->forward(x);
    for (const auto& block : blocks_) {
      y = block->forward(y);
      maps.push_back(map(y));
    }
    maps.push_back(map(norm_->forward(y)));
    return maps;
  }

 private:
  std::shared_ptr<PatchTokens> patch_embedding_;
  std::vector<std::shared_ptr<TransformerBlock>> blocks_;
  LayerNorm norm_;
};

/// A transposed convolution, then `steps` times another and a residual block (MONAI's UnetrPrUpBlock):
/// [B, 768, H, W] -> [B, out, 2^(steps + 1) H, ..].
class ProjectionUp : public torch::nn::Module {
 public:
  ProjectionUp(std::int64_t out, int steps)
      : first_(register_module("transp_conv_init", doubling(kHidden, out))) {
    const auto list = register_module("blocks", make_module_list());
    for (int i = 0; i < steps; ++i) {
      convs_.push_back(doubling(out, out));
      residuals_.push_back(std::make_shared<ResidualBlock>(out, out));
      const auto step = make_module_list();
      step->push_back(convs_.back());
      step->push_back(residuals_.back());
      list->push_back(step);
    }
  }
  Tensor forward(const Tensor& x) {
    Tensor y = first_->forward(x);
    for (std::size_t i = 0; i < convs_.size(); ++i) y = residuals_[i]->forward(convs_[i]->forward(y));
    return y;
  }

 private:
  static std::shared_ptr<NamedConv> doubling(std::int64_t in, std::int64_t out) {
    return std::make_shared<NamedConv>(make_transposed_conv(in, out, 2, false));
  }

  std::shared_ptr<NamedConv> first_;
  std::vector<std::shared_ptr<NamedConv>> convs_;
  std::vector<std::shared_ptr<ResidualBlock>> residuals_;
};

class Unetr : public FixedSizeNetwork {
 public:
  explicit Unetr(const NetworkConfig& config) : FixedSizeNetwork(config, kPatch, {{1, 1}}) {
    const std::int64_t tokens = (size()[0] / kPatch) * (size()[1] / kPatch);
    vit_ = register_module("vit", std::make_shared<VisionTransformer>(config.in_channels, tokens));
    encoder1_ = register_module("encoder1", std::make_shared<ResidualStage>(config.in_channels, kFeatures));
    encoder2_ = register_module("encoder2", std::make_shared<ProjectionUp>(2 * kFeatures, 2));
    encoder3_ = register_module("encoder3", std::make_shared<ProjectionUp>(4 * kFeatures, 1));
    encoder4_ = register_module("encoder4", std::make_shared<ProjectionUp>(8 * kFeatures, 0));
    decoder5_ = register_module("decoder5", std::make_shared<UpStage>(kHidden, 8 * kFeatures));
    decoder4_ = register_module("decoder4", std::make_shared<UpStage>(8 * kFeatures, 4 * kFeatures));
    decoder3_ = register_module("decoder3", std::make_shared<UpStage>(4 * kFeatures, 2 * kFeatures));
    decoder2_ = register_module("decoder2", std::make_shared<UpStage>(2 * kFeatures, kFeatures));
    out_ = register_module("out", std::make_shared<OutBlock>(kFeatures, config.classes));
  }

 protected:
  std::vector<Tensor> run(const Tensor& x) override {
    const auto hidden = vit_->forward(x);
    Tensor y = decoder5_->forward(hidden.back(), encoder4_->forward(hidden[9]));  // [B, 128, H/8, W/8]
    y = decoder4_->forward(y, encoder3_->forward(hidden[6]));                     // [B, 64, H/4, W/4]
    y = decoder3_->forward(y, encoder2_->forward(hidden[3]));                     // [B, 32, H/2, W/2]
    return {out_->forward(decoder2_->forward(y, encoder1_->forward(x)))};
  }

 private:
  std::shared_ptr<VisionTransformer> vit_;
  std::shared_ptr<ResidualStage> encoder1_;
  std::shared_ptr<ProjectionUp> encoder2_, encoder3_, encoder4_;
  std::shared_ptr<UpStage> decoder5_, decoder4_, decoder3_, decoder2_;
  std::shared_ptr<OutBlock> out_;
};

}  // namespace
}  // namespace unetr

std::shared_ptr<Network> make_unetr(const NetworkConfig& config) {
  return std::make_shared<unetr::Unetr>(config);
}

}  // namespace seg
