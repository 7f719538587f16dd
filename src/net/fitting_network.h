// Which network of the table a file's weights belong to.
#pragma once
#include <optional>
#include <span>
#include <string_view>

#include "net/network_table.h"
#include "weights/named_arrays.h"

namespace seg {

struct FittingNetwork {
  std::string_view name;
  std::int64_t in_channels = 0, classes = 0;
};

/// The network whose state dict has these names and shapes for some number of channels and classes. What else
/// networks depend on, patch size and topology, is taken from `config`.
std::optional<FittingNetwork> fitting_network(std::span<const TensorView> weights, NetworkConfig config);

}  // namespace seg
