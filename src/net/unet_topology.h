// Where the stages of a plan-dependent network come from: plans, or the size it is built for.
#pragma once
#include "data/plan.h"
#include "net/network_table.h"

namespace seg {

/// The stages a 2-D configuration plans; without stages where it has none. Throws Error where its lists do
/// not fit together.
UNetTopology topology_of(const Configuration& configuration);

/// The stages `config` asks for, planned for its patch size at spacing 1 where it names none. Throws Error
/// without a patch size, for stages nobody can build and for a configuration of fewer than two of them.
UNetTopology resolved_topology(const NetworkConfig& config);

/// Throws Error unless the topology has 2 to 16 stages of sensible sizes. It comes from files.
void check_topology(const UNetTopology& topology);

/// Channels of each stage: the base doubled stage by stage up to the maximum.
std::vector<std::int64_t> features_of(const UNetTopology& topology);

/// Product of the strides of all stages.
Size2d total_stride(const UNetTopology& topology);

}  // namespace seg
