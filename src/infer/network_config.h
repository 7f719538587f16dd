// What a network is built from, as plain data. The stages of a plan-dependent one come from plans, or from
// the size it is built for.
#pragma once
#include <array>
#include <cstdint>

#include "data/plan.h"
#include "engine/topology.h"

namespace seg {

/// Factors of height and width.
using Scale2d = std::array<double, 2>;

struct NetworkConfig {
  std::int64_t in_channels = 1;
  std::int64_t classes = 2;       ///< output channels: classes with background, or regions
  bool deep_supervision = false;  ///< return every head, not only the full-resolution one
  Size2d patch_size{};            ///< what size-dependent networks are built for
  UNetTopology topology{};        ///< of plan-dependent networks; without stages it follows from patch_size
};

/// The stages a 2-D configuration plans; without stages where it has none. Throws Error where its lists do
/// not fit together.
UNetTopology topology_of(const Configuration& configuration);

/// The stages `config` asks for, planned for its patch size at spacing 1 where it names none. Throws Error
/// without a patch size, for stages nobody can build and for a configuration of fewer than two of them.
UNetTopology resolved_topology(const NetworkConfig& config);

}  // namespace seg
