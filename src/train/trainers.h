// Which trainer of the table trains a network.
#pragma once
#include <string_view>

#include "infer/trainer_table.h"

namespace seg {

/// The first trainer of a network, with or without pretrained weights; networks that have one trainer only
/// are trained by it in either case. Throws a usage Error for a classifier.
const TrainerEntry& trainer_for(std::string_view network, bool pretrained);

}  // namespace seg
