// After training: the validation cases of a fold predicted whole and scored.
#pragma once
#include <string>

#include "train/trainer.h"

namespace seg {

/// Predicts the fold's validation cases with the final checkpoint (averaged over mirrors where it was trained
/// on them, as nnU-Net does) into fold_X/validation, writes its summary.json and returns the mean foreground
/// Dice. With `save_probabilities` their .npz and .pkl lie beside them, for ensembles of models.
double validate_fold(const fs::path& model_folder, const std::string& fold, const TrainTask& task,
                     const fs::path& references, bool save_probabilities = false);

}  // namespace seg
