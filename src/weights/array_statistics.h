// What `weights show` tells of an array's values.
#pragma once
#include <optional>

#include "weights/named_arrays.h"

namespace seg {

struct ArrayStatistics {
  double mean = 0, std = 0, min = 0, max = 0;
};

/// Computed in float64; the standard deviation is the population's. Empty for an array without values.
std::optional<ArrayStatistics> array_statistics(const TensorView& array);

}  // namespace seg
