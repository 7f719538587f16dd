// The values of arrays that files of weights hold, converted.
#pragma once
#include <cstdint>
#include <vector>

#include "weights/named_arrays.h"

namespace seg {

bool is_floating(TensorType type);

/// Values of an array of floating-point numbers. Throws Error naming an array of other types.
std::vector<float> float_values(const TensorView& array);

/// Values of an array of any type; integers beyond 2^53 are rounded.
std::vector<double> double_values(const TensorView& array);

/// The bits of the nearest float16 number (IEEE 754), ties to even; infinity beyond the largest.
std::uint16_t half_of(float value);

}  // namespace seg
