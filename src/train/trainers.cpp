#include "train/trainers.h"

#include <vector>

#include "base/error.h"
#include "base/suggest.h"
#include "net/network.h"

namespace seg {

std::span<const TrainerEntry> trainers() {
  static constexpr TrainerEntry kTrainers[] = {
      {"nnUNetTrainerSwinUMamba", "swin_umamba", true, true},
      {"nnUNetTrainerSwinUMambaScratch", "swin_umamba", true, false},
      {"nnUNetTrainerSwinUMambaD", "swin_umamba_d", true, true},
      {"nnUNetTrainerSwinUMambaDScratch", "swin_umamba_d", false, false},
  };
  return kTrainers;
}

const TrainerEntry& find_trainer(std::string_view name) {
  std::vector<std::string> known;
  for (const auto& entry : trainers()) {
    if (entry.name == name) return entry;
    known.emplace_back(entry.name);
  }
  fail_unknown("trainer", name, known);
}

const TrainerEntry& trainer_for(std::string_view network, bool pretrained) {
  find_network(network);  // an unknown name is told with its closest match
  for (const auto& entry : trainers()) {
    if (entry.network == network && entry.pretrained == pretrained) return entry;
  }
  fail("no trainer for network {} {} pretrained weights", network, pretrained ? "with" : "without");
}

}  // namespace seg
