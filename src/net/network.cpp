#include "net/network.h"

#include <cmath>

#include "base/error.h"
#include "base/suggest.h"

namespace seg {

std::shared_ptr<Network> make_swin_umamba(const NetworkConfig& config);
std::shared_ptr<Network> make_swin_umamba_d(const NetworkConfig& config);

std::span<const NetworkEntry> networks() {
  static constexpr NetworkEntry kNetworks[] = {
      {"swin_umamba", "VMamba encoder, residual convolution decoder", make_swin_umamba},
      {"swin_umamba_d", "VMamba encoder, VSS decoder (Swin-UMamba†)", make_swin_umamba_d},
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

std::int64_t round_up(std::int64_t size, std::int64_t multiple) {
  return (size + multiple - 1) / multiple * multiple;
}

std::int64_t scaled_size(std::int64_t size, double scale) {
  return static_cast<std::int64_t>(std::nearbyint(static_cast<double>(size) * scale));
}

std::vector<Tensor> Network::forward(const Tensor& x) {
  if (x.dim() != 4 || x.size(1) != in_channels() || x.size(2) < 1 || x.size(3) < 1) {
    fail("expected an input of shape [batch, {}, height, width], got {}", in_channels(), c10::str(x.sizes()));
  }
  const std::int64_t height = x.size(2), width = x.size(3);
  const std::int64_t pad_y = round_up(height, size_multiple_) - height;
  const std::int64_t pad_x = round_up(width, size_multiple_) - width;
  if (pad_y == 0 && pad_x == 0) return run(x);
  auto outputs = run(torch::constant_pad_nd(x, {0, pad_x, 0, pad_y}));
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    outputs[i] = outputs[i]
                     .slice(2, 0, std::max<std::int64_t>(1, scaled_size(height, scales_[i])))
                     .slice(3, 0, std::max<std::int64_t>(1, scaled_size(width, scales_[i])));
  }
  return outputs;
}

}  // namespace seg
