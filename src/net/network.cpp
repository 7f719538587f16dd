#include "net/network.h"

#include <cmath>

#include "base/error.h"
#include "base/suggest.h"

namespace seg {

std::shared_ptr<Network> make_swin_umamba(const NetworkConfig& config);
std::shared_ptr<Network> make_swin_umamba_d(const NetworkConfig& config);
std::shared_ptr<Network> make_nnunet(const NetworkConfig& config);
std::shared_ptr<Network> make_umamba_bot_v1(const NetworkConfig& config);
std::shared_ptr<Network> make_umamba_enc_v1(const NetworkConfig& config);
std::shared_ptr<Network> make_umamba_bot(const NetworkConfig& config);
std::shared_ptr<Network> make_umamba_enc(const NetworkConfig& config);

std::span<const NetworkEntry> networks() {
  static constexpr NetworkEntry kNetworks[] = {
      {"swin_umamba", "VMamba encoder, residual convolution decoder", make_swin_umamba},
      {"swin_umamba_d", "VMamba encoder, VSS decoder (Swin-UMamba†)", make_swin_umamba_d},
      {"nnunet", "nnU-Net's plain convolution U-Net", make_nnunet},
      {"umamba_bot_v1", "U-Mamba_Bot of the first release", make_umamba_bot_v1},
      {"umamba_enc_v1", "U-Mamba_Enc of the first release", make_umamba_enc_v1},
      {"umamba_bot", "U-Mamba_Bot of the present code", make_umamba_bot},
      {"umamba_enc", "U-Mamba_Enc of the present code", make_umamba_enc},
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
  Size2d legal{};
  for (std::size_t axis = 0; axis < size.size(); ++axis) {
    legal[axis] = (size[axis] + size_multiple_[axis] - 1) / size_multiple_[axis] * size_multiple_[axis];
  }
  return legal;
}

std::vector<Tensor> Network::forward(const Tensor& x) {
  if (x.dim() != 4 || x.size(1) != in_channels() || x.size(2) < 1 || x.size(3) < 1) {
    fail("expected an input of shape [batch, {}, height, width], got {}", in_channels(), c10::str(x.sizes()));
  }
  const Size2d size{x.size(2), x.size(3)}, legal = legal_size(size);
  if (legal == size) return run(x);
  auto outputs = run(torch::constant_pad_nd(x, {0, legal[1] - size[1], 0, legal[0] - size[0]}));
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    for (const std::int64_t axis : {0, 1}) {
      const auto kept = std::max<std::int64_t>(1, scaled_size(size[axis], scales_[i][axis]));
      outputs[i] = outputs[i].slice(2 + axis, 0, kept);
    }
  }
  return outputs;
}

}  // namespace seg
