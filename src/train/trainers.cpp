#include "train/trainers.h"

#include "base/error.h"
#include "net/network_table.h"

namespace seg {

const TrainerEntry& trainer_for(std::string_view network, bool pretrained) {
  if (!find_network(network).segments) {  // an unknown name is told with its closest match
    fail_usage("{} is a classifier of whole images: segmentation needs one of the other networks", network);
  }
  const TrainerEntry* only = nullptr;
  for (const auto& entry : trainers()) {
    if (entry.network != network) continue;
    if (entry.pretrained == pretrained) return entry;
    only = &entry;
  }
  if (only == nullptr) fail("network {} has no trainer", network);
  return *only;
}

}  // namespace seg
