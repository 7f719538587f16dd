// The plan-dependent U-Nets: an encoder and a decoder of stages, as many and as wide as a plan says.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "infer/network_config.h"
#include "net/mamba.h"
#include "net/unet_blocks.h"

namespace seg {

/// Stem, stages, and a Mamba layer after those that have one (nullptr for the others).
class UNetEncoder : public torch::nn::Module {
 public:
  struct Parts {
    StagePtr stem{};
    std::vector<StagePtr> stages{};
    std::vector<std::shared_ptr<MambaLayer>> mamba_layers{};
    bool mamba_keys_first = false;  ///< in the state dict
  };
  explicit UNetEncoder(Parts parts);
  /// The output of every stage, highest resolution first.
  std::vector<Tensor> forward(Tensor x);

 private:
  Parts parts_;
};

/// From the bottleneck upwards: upsampling, concatenation with the skip, a stage, a head.
class UNetDecoder : public torch::nn::Module {
 public:
  enum class Up {
    transposed,  ///< transposed convolution, keys transpconvs
    nearest,  ///< 1x1 convolution and repetition, keys upsample_layers; no skip at full resolution (U-Mamba)
  };
  using MakeStage = std::function<StagePtr(const StageShape& shape, std::int64_t convs)>;

  UNetDecoder(const UNetTopology& topology, std::int64_t classes, std::shared_ptr<UNetEncoder> encoder, Up up,
              const MakeStage& make_stage);
  /// Skips, highest resolution first -> logits, highest resolution first.
  std::vector<Tensor> forward(const std::vector<Tensor>& skips, bool every_head);

 private:
  struct Level {
    std::function<Tensor(const Tensor&)> up;
    bool skip;
    StagePtr stage;
    Conv head;
  };
  std::vector<Level> levels_;
};

/// Shapes of the encoder's stages.
std::vector<StageShape> encoder_shapes(const UNetTopology& topology, std::int64_t in_channels);

/// Encoder, a Mamba layer at the bottleneck where there is one, decoder. Convolutions start as in nnU-Net
/// (He).
class UNet : public Network {
 public:
  struct Parts {
    std::shared_ptr<UNetEncoder> encoder;
    std::shared_ptr<UNetDecoder> decoder;
    std::shared_ptr<MambaLayer> bottleneck{};
    bool bottleneck_inline = false;  ///< keys ln and mamba instead of mamba_layer.norm and mamba_layer.mamba
    Size2d only_size{};              ///< the one size it takes; any multiple of the strides where it is 0
  };
  UNet(const NetworkConfig& config, const UNetTopology& topology, Parts parts);
  Size2d legal_size(const Size2d& size) const override;

 protected:
  std::vector<Tensor> run(const Tensor& x) override;

 private:
  Parts parts_;
};

}  // namespace seg
