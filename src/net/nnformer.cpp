// nnFormer (arXiv 2109.03201) for 2-D images: the official network without its depth axis. Its windows follow
// from the image size, to which it is tied.
#include "net/attention.h"
#include "net/network.h"
#include "net/vss.h"

namespace seg {
namespace nnformer {
namespace {

constexpr std::int64_t kEmbedding = 192, kPatch = 4, kDepth = 2;
constexpr std::array<std::int64_t, 4> kHeads{6, 12, 24, 48}, kWindows{5, 5, 10, 5};
constexpr std::size_t kStages = kHeads.size();
constexpr double kDropPathRate = 0.2;

/// The blocks of the stage with `kEmbedding << stage` channels on maps of `size`: every second one has
/// shifted windows, and a map that one window covers has no others.
std::vector<std::shared_ptr<WindowBlock>> make_blocks(std::size_t stage, const Size2d& size, bool decoder,
                                                      std::size_t first_rate, std::size_t rates) {
  const std::int64_t smallest = std::min(size[0], size[1]);
  const bool one_window = smallest <= kWindows[stage];
  std::vector<std::shared_ptr<WindowBlock>> blocks;
  for (std::int64_t i = 0; i < kDepth; ++i) {
    const double place = static_cast<double>(first_rate) + static_cast<double>(i);
    blocks.push_back(std::make_shared<WindowBlock>(
        WindowBlockOptions{.dim = kEmbedding << stage,
                           .heads = kHeads[stage],
                           .window = one_window ? smallest : kWindows[stage],
                           .shift = one_window || i % 2 == 0 ? 0 : kWindows[stage] / 2,
                           .given_query = decoder && i == 0,
                           .drop_path_rate = kDropPathRate * place / static_cast<double>(rates - 1),
                           .mlp_keys = {"fc1", "fc2"}}));
  }
  return blocks;
}

/// Two 3x3 convolutions, the first of stride 2, each followed by GELU and LayerNorm but for the `last`.
class Projection : public torch::nn::Module {
 public:
  Projection(std::int64_t in, std::int64_t out, bool last)
      : conv1_(register_module("conv1", make_conv(in, out, {.stride = 2, .padding = 1}))),
        conv2_(register_module("conv2", make_conv(out, out, {.padding = 1}))),
        norm1_(register_module("norm1", make_layer_norm(out))) {
    if (!last) norm2_ = register_module("norm2", make_layer_norm(out));
  }
  Tensor forward(const Tensor& x) {  // [B, in, H, W] -> [B, H/2, W/2, out]
    const Tensor y = norm1_->forward(torch::gelu(channels_last(conv1_, x)));
    const Tensor z = channels_last(conv2_, to_channels_first(y));
    return norm2_ ? norm2_->forward(torch::gelu(z)) : z;
  }

 private:
  /// Contiguous: LibTorch 1.13 computes GELU's gradient wrongly where its own gradient is laid out otherwise.
  static Tensor channels_last(const Conv& conv, const Tensor& x) {
    return to_channels_last(conv->forward(x)).contiguous();
  }

  Conv conv1_, conv2_;
  LayerNorm norm1_, norm2_;
};

/// 4x4 pixels to one token, [B, C, H, W] -> [B, H/4, W/4, 192].
class ProjectionEmbed : public torch::nn::Module {
 public:
  explicit ProjectionEmbed(std::int64_t in_channels)
      : proj1_(register_module("proj1", std::make_shared<Projection>(in_channels, kEmbedding / 2, false))),
        proj2_(register_module("proj2", std::make_shared<Projection>(kEmbedding / 2, kEmbedding, true))),
        norm_(register_module("norm", make_layer_norm(kEmbedding))) {}
  Tensor forward(const Tensor& x) {
    return norm_->forward(proj2_->forward(to_channels_first(proj1_->forward(x))));
  }

 private:
  std::shared_ptr<Projection> proj1_, proj2_;
  LayerNorm norm_;
};

/// GELU, LayerNorm, 3x3 convolution of stride 2: [B, H, W, C] -> [B, H/2, W/2, 2C].
class ConvMerging : public torch::nn::Module {
 public:
  explicit ConvMerging(std::int64_t dim)
      : reduction_(register_module("reduction", make_conv(dim, 2 * dim, {.stride = 2, .padding = 1}))),
        norm_(register_module("norm", make_layer_norm(dim))) {}
  Tensor forward(const Tensor& x) {
    return to_channels_last(reduction_->forward(to_channels_first(norm_->forward(torch::gelu(x)))));
  }

 private:
  Conv reduction_;
  LayerNorm norm_;
};

/// LayerNorm, transposed convolution of stride 2: [B, H, W, 2C] -> [B, 2H, 2W, C].
class ConvExpanding : public torch::nn::Module {
 public:
  explicit ConvExpanding(std::int64_t dim)
      : norm_(register_module("norm", make_layer_norm(2 * dim))),
        up_(register_module("up", make_transposed_conv(2 * dim, dim, 2, true))) {}
  Tensor forward(const Tensor& x) {
    return to_channels_last(up_->forward(to_channels_first(norm_->forward(x))));
  }

 private:
  LayerNorm norm_;
  TransposedConv up_;
};

class NnFormerStage : public torch::nn::Module {
 public:
  explicit NnFormerStage(std::vector<std::shared_ptr<WindowBlock>> blocks) : blocks_(std::move(blocks)) {
    const auto list = register_module("blocks", make_module_list());
    for (const auto& block : blocks_) list->push_back(block);
  }
  /// The blocks from `first` on.
  Tensor run_blocks(Tensor x, std::size_t first) {
    for (std::size_t i = first; i < blocks_.size(); ++i) x = blocks_[i]->forward(x);
    return x;
  }

 protected:
  std::vector<std::shared_ptr<WindowBlock>> blocks_;
};

class EncoderStage : public NnFormerStage {
 public:
  EncoderStage(std::size_t stage, const Size2d& size)
      : NnFormerStage(make_blocks(stage, size, false, stage * kDepth, kStages * kDepth)) {
    if (stage + 1 < kStages) {
      downsample = register_module("downsample", std::make_shared<ConvMerging>(kEmbedding << stage));
    }
  }
  std::shared_ptr<ConvMerging> downsample;  ///< none in the last stage
};

/// Cross attention from the map below to the skip, then self-attention.
class DecoderStage : public NnFormerStage {
 public:
  DecoderStage(std::size_t stage, const Size2d& size)
      : NnFormerStage(make_blocks(stage, size, true, (kStages - 2 - stage) * kDepth, (kStages - 1) * kDepth)),
        upsample_(register_module("Upsample", std::make_shared<ConvExpanding>(kEmbedding << stage))) {}
  Tensor forward(const Tensor& below, const Tensor& skip) {
    return run_blocks(blocks_[0]->forward(skip, upsample_->forward(below)), 1);
  }

 private:
  std::shared_ptr<ConvExpanding> upsample_;
};

class NnFormerEncoder : public torch::nn::Module {
 public:
  NnFormerEncoder(std::int64_t in_channels, const std::array<Size2d, kStages>& sizes)
      : patch_embed_(register_module("patch_embed", std::make_shared<ProjectionEmbed>(in_channels))) {
    const auto list = register_module("layers", make_module_list());
    for (std::size_t s = 0; s < kStages; ++s) {
      stages_.push_back(std::make_shared<EncoderStage>(s, sizes[s]));
      list->push_back(stages_.back());
    }
    for (std::size_t s = 0; s < kStages; ++s) {
      norms_.push_back(register_module("norm" + std::to_string(s), make_layer_norm(kEmbedding << s)));
    }
  }
  /// [B, H/4 .. H/32, W/4 .. W/32, 192 .. 1536].
  std::vector<Tensor> forward(const Tensor& x) {
    std::vector<Tensor> outputs;
    Tensor y = patch_embed_->forward(x);
    for (std::size_t s = 0; s < kStages; ++s) {
      y = stages_[s]->run_blocks(y, 0);
      outputs.push_back(norms_[s]->forward(y));
      if (stages_[s]->downsample) y = stages_[s]->downsample->forward(y);
    }
    return outputs;
  }

 private:
  std::shared_ptr<ProjectionEmbed> patch_embed_;
  std::vector<std::shared_ptr<EncoderStage>> stages_;
  std::vector<LayerNorm> norms_;
};

/// A list "layers" of stages, highest resolution first.
class NnFormerDecoder : public torch::nn::Module {
 public:
  explicit NnFormerDecoder(const std::array<Size2d, kStages>& sizes) {
    const auto list = register_module("layers", make_module_list());
    for (std::size_t s = 0; s + 1 < kStages; ++s) {
      stages_.push_back(std::make_shared<DecoderStage>(s, sizes[s]));
      list->push_back(stages_.back());
    }
  }
  /// The maps of each stage, highest resolution first, [B, H/4 .. H/16, W/4 .. W/16, 192 .. 768].
  std::vector<Tensor> forward(const std::vector<Tensor>& encoded) {
    std::vector<Tensor> outputs(stages_.size());
    Tensor y = encoded.back();
    for (std::size_t s = stages_.size(); s-- > 0;) y = outputs[s] = stages_[s]->forward(y, encoded[s]);
    return outputs;
  }

 private:
  std::vector<std::shared_ptr<DecoderStage>> stages_;
};

/// A transposed convolution to logits under the key "up": [B, H, W, dim] -> [B, classes, 4H, 4W].
class Head : public torch::nn::Module {
 public:
  Head(std::int64_t dim, std::int64_t classes)
      : up_(register_module("up", make_transposed_conv(dim, classes, kPatch, true))) {}
  Tensor forward(const Tensor& x) { return up_->forward(to_channels_first(x)); }

 private:
  TransposedConv up_;
};

class NnFormer : public FixedSizeNetwork {
 public:
  explicit NnFormer(const NetworkConfig& config)
      : FixedSizeNetwork(config, kPatch << (kStages - 1), {{1, 1}, {0.5, 0.5}, {0.25, 0.25}}) {
    std::array<Size2d, kStages> sizes{};
    for (std::size_t s = 0; s < kStages; ++s)
      sizes[s] = {size()[0] / (kPatch << s), size()[1] / (kPatch << s)};
    model_down_ = register_module("model_down", std::make_shared<NnFormerEncoder>(config.in_channels, sizes));
    decoder_ = register_module("decoder", std::make_shared<NnFormerDecoder>(sizes));
    const auto list = register_module("final", make_module_list());
    for (std::size_t i = 0; i < scales().size(); ++i) {
      heads_.push_back(std::make_shared<Head>(kEmbedding << i, config.classes));
      list->push_back(heads_.back());
    }
  }

 protected:
  std::vector<Tensor> run(const Tensor& x) override {
    const auto decoded = decoder_->forward(model_down_->forward(x));
    std::vector<Tensor> outputs{heads_[0]->forward(decoded[0])};
    if (deep_supervision()) {
      for (std::size_t i = 1; i < heads_.size(); ++i) outputs.push_back(heads_[i]->forward(decoded[i]));
    }
    return outputs;
  }

 private:
  std::shared_ptr<NnFormerEncoder> model_down_;
  std::shared_ptr<NnFormerDecoder> decoder_;
  std::vector<std::shared_ptr<Head>> heads_;
};

}  // namespace
}  // namespace nnformer

std::shared_ptr<Network> make_nnformer(const NetworkConfig& config) {
  return std::make_shared<nnformer::NnFormer>(config);
}

}  // namespace seg
