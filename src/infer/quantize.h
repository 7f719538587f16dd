// A model file with its layers in int8.
#pragma once
#include <string>
#include <vector>

#include "base/files.h"
#include "engine/calibration.h"

namespace seg {

/// Writes a model file whose calibrated layers are int8 (engine/int8_weights.h); all else is as in `model`, a
/// model file of float32 or float16. `calibrations` are of its folds, in their order. Returns the number of
/// these layers. Throws Error where a calibration does not fit the weights.
std::size_t write_int8_model(const fs::path& model, const std::vector<engine::Calibration>& calibrations,
                             const fs::path& output, const std::string& program);

/// Throws Error where the engine does not have the model's network, or its weights are int8 already.
void check_quantizable(const fs::path& model);

}  // namespace seg
