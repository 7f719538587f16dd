// A network run once on an array.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/files.h"
#include "net/network_table.h"

namespace seg {

/// Values in C order.
struct FloatArray {
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

struct ForwardTask {
  std::string network;
  NetworkConfig config;
  fs::path weights;        ///< empty for random ones
  std::uint64_t seed = 0;  ///< of random weights
};

/// Outputs of the network in inference mode, one per head. input [batch, in_channels, height, width], any
/// size. Throws Error for weights that do not fit.
std::vector<FloatArray> forward_array(const ForwardTask& task, const FloatArray& input);

}  // namespace seg
