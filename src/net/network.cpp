#include "net/network.h"

#include <fmt/ranges.h>

#include <cmath>

#include "base/error.h"
#include "base/suggest.h"

namespace seg {
namespace {

Size2d round_up(const Size2d& size, const Size2d& multiple) {
  Size2d up{};
  for (const std::size_t axis : {0, 1}) {
    up[axis] = (size[axis] + multiple[axis] - 1) / multiple[axis] * multiple[axis];
  }
  return up;
}

}  // namespace

std::shared_ptr<Network> make_swin_umamba(const NetworkConfig& config);
std::shared_ptr<Network> make_swin_umamba_d(const NetworkConfig& config);
std::shared_ptr<Network> make_nnunet(const NetworkConfig& config);
std::shared_ptr<Network> make_umamba_bot_v1(const NetworkConfig& config);
std::shared_ptr<Network> make_umamba_enc_v1(const NetworkConfig& config);
std::shared_ptr<Network> make_umamba_bot(const NetworkConfig& config);
std::shared_ptr<Network> make_umamba_enc(const NetworkConfig& config);
std::shared_ptr<Network> make_swin_umamba_v1(const NetworkConfig& config);
std::shared_ptr<Network> make_vmamba_tiny(const NetworkConfig& config);
std::shared_ptr<Network> make_segresnet(const NetworkConfig& config);
std::shared_ptr<Network> make_unetr(const NetworkConfig& config);
std::shared_ptr<Network> make_swin_unetr(const NetworkConfig& config);
std::shared_ptr<Network> make_nnformer(const NetworkConfig& config);

std::span<const NetworkEntry> networks() {
  static constexpr NetworkEntry kNetworks[] = {
      {"swin_umamba", "VMamba encoder, residual convolution decoder", make_swin_umamba},
      {"swin_umamba_d", "VMamba encoder, VSS decoder (Swin-UMamba†)", make_swin_umamba_d},
      {"nnunet", "nnU-Net's plain convolution U-Net", make_nnunet},
      {"umamba_bot_v1", "U-Mamba_Bot of the first release", make_umamba_bot_v1},
      {"umamba_enc_v1", "U-Mamba_Enc of the first release", make_umamba_enc_v1},
      {"umamba_bot", "U-Mamba_Bot of the present code", make_umamba_bot},
      {"umamba_enc", "U-Mamba_Enc of the present code", make_umamba_enc},
      {"swin_umamba_v1", "the first public version of swin_umamba", make_swin_umamba_v1},
      {"vmamba_tiny", "the classifier whose encoder is pretrained", make_vmamba_tiny, false},
      {"segresnet", "residual convolutions, MONAI's SegResNet", make_segresnet},
      {"unetr", "vision transformer encoder, MONAI's UNETR", make_unetr},
      {"swin_unetr", "Swin Transformer encoder, MONAI's SwinUNETR", make_swin_unetr},
      {"nnformer", "Swin Transformer encoder and decoder, nnFormer in 2-D", make_nnformer},
  };
  return kNetworks;
}

const NetworkEntry& find_network(std::string_view name) {
  std::vector<std::string> known;
  for (const auto& entry : networks()) {
    if (entry.name == name) return entry;
    known.emplace_back(entry.name);
  }
  fail_unknown("network", name, known);
}

std::shared_ptr<Network> make_network(std::string_view name, const NetworkConfig& config) {
  return find_network(name).make(config);
}

std::int64_t scaled_size(std::int64_t size, double scale) {
  return static_cast<std::int64_t>(std::nearbyint(static_cast<double>(size) * scale));
}

Size2d Network::legal_size(const Size2d& size) const {
  return round_up(size, size_multiple_);
}

std::vector<Tensor> Network::forward(const Tensor& x) {
  if (x.dim() != 4 || x.size(1) != in_channels() || x.size(2) < 1 || x.size(3) < 1) {
    fail("expected an input of shape [batch, {}, height, width], got {}", in_channels(), c10::str(x.sizes()));
  }
  const Size2d size{x.size(2), x.size(3)}, legal = legal_size(size);
  if (legal == size) return run(x);
  auto outputs = run(torch::constant_pad_nd(x, {0, legal[1] - size[1], 0, legal[0] - size[0]}));
  for (std::size_t i = 0; i < scales_.size() && i < outputs.size(); ++i) {
    for (const std::int64_t axis : {0, 1}) {
      const auto kept = std::max<std::int64_t>(1, scaled_size(size[axis], scales_[i][axis]));
      outputs[i] = outputs[i].slice(2 + axis, 0, kept);
    }
  }
  return outputs;
}

FixedSizeNetwork::FixedSizeNetwork(const NetworkConfig& config, std::int64_t multiple,
                                   std::vector<Scale2d> scales)
    : Network(config, {multiple, multiple}, std::move(scales)),
      size_(round_up(config.patch_size, {multiple, multiple})) {
  if (size_[0] < 1 || size_[1] < 1) fail("this network is built for one image size: a patch size is needed");
}

Size2d FixedSizeNetwork::legal_size(const Size2d& size) const {
  if (size[0] > size_[0] || size[1] > size_[1]) {
    throw Error(fmt::format("this network is built for images of {}, got {}", fmt::join(size_, "x"),
                            fmt::join(size, "x")),
                "build it for the larger size, or cut the image into tiles");
  }
  return size_;
}

}  // namespace seg
