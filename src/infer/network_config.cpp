#include "infer/network_config.h"

#include <algorithm>

#include "base/error.h"

namespace seg {
namespace {

constexpr std::int64_t kSmallestPatch = 8;  ///< so that there is something to pool

std::vector<Size2d> pairs(const char* what, const std::vector<std::vector<std::int64_t>>& rows) {
  std::vector<Size2d> sizes;
  for (const auto& row : rows) {
    if (row.size() != 2) fail("{}: expected 2 numbers per stage, got {}", what, row.size());
    sizes.push_back({row[0], row[1]});
  }
  return sizes;
}

}  // namespace

UNetTopology topology_of(const Configuration& configuration) {
  UNetTopology topology;
  topology.strides = pairs("pool_op_kernel_sizes", configuration.pool_kernels);
  topology.kernels = pairs("conv_kernel_sizes", configuration.conv_kernels);
  topology.convs_encoder = configuration.convs_per_stage_encoder;
  topology.convs_decoder = configuration.convs_per_stage_decoder;
  topology.base_features = configuration.base_features;
  topology.max_features = configuration.max_features;
  if (!topology.strides.empty()) check_topology(topology);
  return topology;
}

UNetTopology resolved_topology(const NetworkConfig& config) {
  if (!config.topology.strides.empty()) {
    check_topology(config.topology);
    return config.topology;
  }
  std::vector<double> patch;
  for (const auto side : config.patch_size) {
    if (side < 1) fail("a plan-dependent network needs the patch size it is built for");
    patch.push_back(static_cast<double>(std::max(side, kSmallestPatch)));
  }
  return topology_of(plan_stages(patch, {1, 1}));
}

}  // namespace seg
