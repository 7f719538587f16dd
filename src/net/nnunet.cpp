// nnU-Net's 2-D U-Net of plain convolutions (Isensee et al. 2021; PlainConvUNet).
#include "net/unet.h"

namespace seg {

std::shared_ptr<Network> make_nnunet(const NetworkConfig& config) {
  const UNetTopology topology = resolved_topology(config);
  UNetEncoder::Parts parts;
  for (const auto& shape : encoder_shapes(topology, config.in_channels)) {
    const auto convs = topology.convs_encoder[parts.stages.size()];
    parts.stages.push_back(
        std::make_shared<Sequence>(std::vector<StagePtr>{std::make_shared<ConvStack>(shape, convs)}));
  }
  const auto encoder = std::make_shared<UNetEncoder>(std::move(parts));
  const auto make_stage = [](const StageShape& shape, std::int64_t convs) -> StagePtr {
    return std::make_shared<ConvStack>(shape, convs);
  };
  const auto decoder = std::make_shared<UNetDecoder>(topology, config.classes, encoder,
                                                     UNetDecoder::Up::transposed, make_stage);
  return std::make_shared<UNet>(config, topology, UNet::Parts{.encoder = encoder, .decoder = decoder});
}

}  // namespace seg
