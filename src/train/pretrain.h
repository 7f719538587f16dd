// Pretraining: the VMamba-Tiny classifier, whose encoder `train --pretrained` starts from.
#pragma once
#include <cstdint>
#include <vector>

#include "base/files.h"
#include "data/image_source.h"

namespace seg {

/// Defaults are VMamba-T's own (arXiv 2401.10166), but for the batch, which is 1024 there.
struct PretrainConfig {
  std::int64_t epochs = 300, warmup_epochs = 20;
  std::int64_t batch_size = 32;
  std::int64_t image_size = 224;  ///< pixels of a side, a multiple of 32
  double learning_rate = 5e-4;    ///< when the warm-up ends
  double weight_decay = 0.05;
  double label_smoothing = 0.1;
  double mixup = 0.8;      ///< alpha; 0 for none
  double drop_path = 0.2;  ///< of the last block, growing linearly from 0
  double ema = 0.9999;     ///< what averaged weights keep per step
  std::uint64_t seed = 0;
  bool resume = false;
};

/// One entry per finished epoch; accuracies are shares of the pictures held out.
struct PretrainLog {
  std::vector<double> train_losses, val_losses, top1, top5, learning_rates, epoch_seconds;
};

/// Trains and leaves the averaged weights in `output` (.safetensors, VMamba's keys, class names and image
/// size in the metadata), beside it OUTPUT.checkpoint.safetensors, from which a training is resumed and then
/// ends bit by bit as one without interruption, and OUTPUT.png with its curves. Accuracy and validation loss
/// are those of the averaged weights. Throws Error for sizes that do not fit, and for a checkpoint of other
/// classes.
PretrainLog pretrain(const ImageSets& images, const PretrainConfig& config, const fs::path& output);

}  // namespace seg
