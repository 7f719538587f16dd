// What a training left in its log, ours or nnU-Net's.
#pragma once
#include <vector>

#include "base/files.h"

namespace seg {

/// Mean foreground pseudo Dice per epoch from all training_log_*.txt of a fold's folder: a training that went
/// on adds its epochs, one that started anew replaces what was before. NaN where no class was there. Throws
/// Error where there is no log, or none with a finished epoch.
std::vector<double> logged_pseudo_dice(const fs::path& fold);

}  // namespace seg
