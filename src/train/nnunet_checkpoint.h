// Checkpoints of nnU-Net's trainers (.pth): read, and written so that the Python world goes on with them.
// Keys: network_weights, optimizer_state, grad_scaler_state, logging, _best_ema, current_epoch, init_args,
// trainer_name, inference_allowed_mirroring_axes.
#pragma once
#include "base/json_fwd.h"
#include "net/state_dict.h"
#include "train/checkpoint.h"
#include "weights/named_arrays.h"

namespace seg {

/// What a checkpoint says beside its tensors; `record` is what PthFile has under kPickleKey. Settings that
/// nnU-Net does not store are the official trainers'. Throws Error where it is no checkpoint, or of a trainer
/// that is not in the table.
CheckpointInfo info_from_nnunet(const Json& record);

/// optimizer_state with parameters' names for their numbers: `state` is what the file has below
/// "optimizer_state.".
NamedTensors state_from_nnunet(const NamedArrays& file, const NamedTensors& state, const Network& network);

}  // namespace seg
