// Prediction on LibTorch.
#pragma once
#include "infer/predictor.h"

namespace seg {

/// A FoldLoader: the network in inference mode, without gradients, on thread_count() threads.
TileModel torch_model(const TrainedFold& fold);

}  // namespace seg
