// What a training says of each epoch, word for word and rounded as nnU-Net's training_log.txt.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace seg {

struct TrainingLog;

/// "", "Epoch 3", "Current learning rate: 4e-05".
std::vector<std::string> lines_before_epoch(std::int64_t epoch, double learning_rate);

/// Losses, Dice and seconds of one epoch of the log, and of its moving average where that is the `best` one.
std::vector<std::string> lines_after_epoch(const TrainingLog& log, std::size_t epoch, bool best);

}  // namespace seg
