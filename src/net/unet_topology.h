// Where the stages of a plan-dependent network come from: plans, or the size it is built for.
#pragma once
#include "data/plan.h"
#include "engine/topology.h"
#include "net/network_table.h"

namespace seg {

/// The stages a 2-D configuration plans; without stages where it has none. Throws Error where its lists do
/// not fit together.
UNetTopology topology_of(const Configuration& configuration);

/// The stages `config` asks for, planned for its patch size at spacing 1 where it names none. Throws Error
/// without a patch size, for stages nobody can build and for a configuration of fewer than two of them.
UNetTopology resolved_topology(const NetworkConfig& config);

}  // namespace seg
