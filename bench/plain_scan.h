// The cross scan as one would first write it in C: what the vectorised one is timed against.
#pragma once
#include "ops/cross_scan.h"

namespace seg::bench {

void plain_scan_forward(const CrossScanShape& shape, const CrossScanInputs& in, float* y);
void plain_scan_backward(const CrossScanShape& shape, const CrossScanInputs& in, const float* dy,
                         const CrossScanGradients& out);

}  // namespace seg::bench
