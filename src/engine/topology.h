// The stages of a plan-dependent U-shaped network (nnU-Net, U-Mamba), without a framework.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

namespace seg {

/// Height and width, in pixels or as factors.
using Size2d = std::array<std::int64_t, 2>;

/// Highest resolution first.
struct UNetTopology {
  std::vector<Size2d> strides, kernels;  ///< per stage; the first stride is 1, 1
  std::vector<std::int64_t> convs_encoder, convs_decoder;
  std::int64_t base_features = 32, max_features = 512;
};

/// Throws Error unless the topology has 2 to 16 stages of sensible sizes. It comes from files.
void check_topology(const UNetTopology& topology);

/// Channels of each stage: the base doubled stage by stage up to the maximum.
std::vector<std::int64_t> features_of(const UNetTopology& topology);

/// Product of the strides of all stages.
Size2d total_stride(const UNetTopology& topology);

/// What U-Mamba's present code makes of a plan: one block in every stage of the encoder's lower and the
/// decoder's upper half.
UNetTopology lightened(UNetTopology topology);

}  // namespace seg
