// The zip archives by which nnU-Net hands trained models on: its results folder's layout,
// DATASET/TRAINER__PLANS__CONFIGURATION/..., with plans.json and checkpoints in it.
#pragma once
#include <vector>

#include "base/files.h"

namespace seg {

/// Unpacks such an archive below `results` and returns the models' folders. The archive is not trusted: names
/// that leave DATASET/, links, repeated names, and contents far larger than the archive are Errors, and
/// nothing appears in `results` before all of it is unpacked and its checksums are right. What is there
/// already (a model, or a file of the dataset) is an Error, or replaced as a whole with `force`.
std::vector<fs::path> install_model_zip(const fs::path& zip, const fs::path& results, bool force);

}  // namespace seg
