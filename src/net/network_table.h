// The table of networks: adding one means one new .cpp and one row in network.cpp. Needs no LibTorch to read.
#pragma once
#include <memory>
#include <span>
#include <string_view>

#include "infer/network_config.h"

namespace seg {

class Network;

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
