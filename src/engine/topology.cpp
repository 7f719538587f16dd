#include "engine/topology.h"

#include <algorithm>

#include "base/error.h"

namespace seg {
namespace {

// More than any plan has, and few enough that no sum overflows.
constexpr std::size_t kMostStages = 16;
constexpr std::int64_t kMostFeatures = 8192, kMostConvs = 64, kLargestStride = 8, kLargestKernel = 31,
                       kLargestTotal = 1024;

void check_range(const char* what, std::int64_t value, std::int64_t most) {
  if (value < 1 || value > most) fail("{}: expected 1 to {}, got {}", what, most, value);
}

}  // namespace

void check_topology(const UNetTopology& topology) {
  const std::size_t stages = topology.strides.size();
  if (stages < 2 || stages > kMostStages) fail("expected 2 to {} stages, got {}", kMostStages, stages);
  if (topology.kernels.size() != stages || topology.convs_encoder.size() != stages ||
      topology.convs_decoder.size() != stages - 1) {
    fail("expected kernels and convolutions of {} stages and of the {} decoder stages, got {}, {} and {}",
         stages, stages - 1, topology.kernels.size(), topology.convs_encoder.size(),
         topology.convs_decoder.size());
  }
  check_range("base features", topology.base_features, kMostFeatures);
  check_range("most features", topology.max_features, kMostFeatures);
  for (const auto convs : topology.convs_encoder) check_range("convolutions per stage", convs, kMostConvs);
  for (const auto convs : topology.convs_decoder) check_range("convolutions per stage", convs, kMostConvs);
  for (std::size_t stage = 0; stage < stages; ++stage) {
    for (const auto stride : topology.strides[stage]) check_range("stride", stride, kLargestStride);
    for (const auto kernel : topology.kernels[stage]) {
      check_range("kernel", kernel, kLargestKernel);
      if (kernel % 2 == 0) fail("kernel: expected an odd size, got {}", kernel);
    }
  }
  if (topology.strides[0] != Size2d{1, 1}) fail("expected a first stage of stride 1, 1");
  for (const auto stride : total_stride(topology))
    check_range("product of the strides", stride, kLargestTotal);
}

std::vector<std::int64_t> features_of(const UNetTopology& topology) {
  std::vector<std::int64_t> features;
  std::int64_t count = topology.base_features;
  for (std::size_t stage = 0; stage < topology.strides.size(); ++stage, count *= 2)
    features.push_back(std::min(count, topology.max_features));
  return features;
}

Size2d total_stride(const UNetTopology& topology) {
  Size2d total{1, 1};
  for (const auto& stride : topology.strides) {
    for (std::size_t axis = 0; axis < total.size(); ++axis) total[axis] *= stride[axis];
  }
  return total;
}

UNetTopology lightened(UNetTopology topology) {
  const std::size_t stages = topology.strides.size();
  for (std::size_t stage = (stages + 1) / 2; stage < stages; ++stage) topology.convs_encoder[stage] = 1;
  for (std::size_t stage = (stages + 1) / 2; stage + 1 < stages; ++stage) topology.convs_decoder[stage] = 1;
  return topology;
}

}  // namespace seg
