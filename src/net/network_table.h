// The table of networks: adding one means one new .cpp and one row in network.cpp. Needs no LibTorch to read.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "engine/topology.h"

namespace seg {

class Network;

/// Factors of height and width.
using Scale2d = std::array<double, 2>;

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
