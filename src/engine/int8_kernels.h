// What int8 layers do to their inputs. Vectorised for the instruction sets of the machine.
#pragma once
#include <cstdint>

#include "engine/calibration.h"
#include "engine/graph.h"

namespace seg::engine {

/// y [images, pixels, channels]: x as whole numbers, rounded to the nearest. x lies as `strides` says; the
/// channels are a multiple of 16.
void quantize(const Strides& strides, const MapsShape& shape, const Int8Scale& scale, const float* x,
              std::int8_t* y);

}  // namespace seg::engine
