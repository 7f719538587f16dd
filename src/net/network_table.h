// The table of networks: adding one means one new .cpp and one row in network.cpp. Needs no LibTorch to read.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace seg {

class Network;

/// Height and width, in pixels or as factors.
using Size2d = std::array<std::int64_t, 2>;
using Scale2d = std::array<double, 2>;

/// The stages of a plan-dependent U-shaped network, highest resolution first.
struct UNetTopology {
  std::vector<Size2d> strides, kernels;  ///< per stage; the first stride is 1, 1
  std::vector<std::int64_t> convs_encoder, convs_decoder;
  std::int64_t base_features = 32, max_features = 512;
};

struct NetworkConfig {
  std::int64_t in_channels = 1;
  std::int64_t classes = 2;       ///< output channels: classes with background, or regions
  bool deep_supervision = false;  ///< return every head, not only the full-resolution one
  Size2d patch_size{};            ///< what size-dependent networks are built for
  UNetTopology topology{};        ///< of plan-dependent networks; without stages it follows from patch_size
};

struct NetworkEntry {
  std::string_view name, summary;
  std::shared_ptr<Network> (*make)(const NetworkConfig& config);
  bool segments = true;  ///< false for a classifier, which cannot be trained or used on segmentation data
};

std::span<const NetworkEntry> networks();

/// The row of a network. Throws a usage Error with "did you mean" for an unknown name.
const NetworkEntry& find_network(std::string_view name);

/// Builds a network by name.
std::shared_ptr<Network> make_network(std::string_view name, const NetworkConfig& config);

}  // namespace seg
