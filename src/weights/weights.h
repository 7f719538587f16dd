// Files of weights, whatever their format.
#pragma once
#include <vector>

#include "weights/named_arrays.h"

namespace seg {

/// Where the metadata of this program's own checkpoints has what is no array, as JSON.
inline constexpr const char* kCheckpointKey = "checkpoint";

/// Opens a file of safetensors or of torch.save; its contents decide which it is. Throws Error naming the
/// file where it is neither, or malformed.
NamedArrays open_weights(const fs::path& path);

/// The arrays of a network under the names of its state dict: those under "network_weights." (nnU-Net),
/// "state_dict." (Lightning and others) or "model." (VMamba) where there are such, else all. What
/// DataParallel and torch.compile put in front, "module." and "_orig_mod.", is taken off.
std::vector<TensorView> network_weights(const NamedArrays& file);

}  // namespace seg
