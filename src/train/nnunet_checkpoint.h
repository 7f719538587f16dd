// Checkpoints of nnU-Net's trainers (.pth): read, and written so that the Python world goes on with them.
// Keys: network_weights, optimizer_state, grad_scaler_state, logging, _best_ema, current_epoch, init_args,
// trainer_name, inference_allowed_mirroring_axes.
#pragma once
#include "net/state_dict.h"
#include "weights/named_arrays.h"

namespace seg {

class Network;

/// optimizer_state with parameters' names for their numbers: `state` is what the file has below
/// "optimizer_state.".
NamedTensors state_from_nnunet(const NamedArrays& file, const NamedTensors& state, const Network& network);

}  // namespace seg
