// Training checkpoints, ours and nnU-Net's, into each other.
#pragma once
#include "base/files.h"

namespace seg {

/// Turns a checkpoint of either kind into the other, or into its own kind: the ending of `target` decides,
/// .safetensors for ours, .pth for nnU-Net's. init_args of a .pth come from `source` if it is one, else from
/// plans.json and dataset.json of the model folder that `source` lies in. Throws Error where they are
/// missing.
void convert_checkpoint(const fs::path& source, const fs::path& target);

}  // namespace seg
