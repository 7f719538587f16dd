#include "infer/trainer_table.h"

#include <vector>

#include "base/error.h"
#include "base/suggest.h"

namespace seg {

std::span<const TrainerEntry> trainers() {
  static constexpr OptimizerConfig kAdamW{OptimizerKind::adamw, 1e-4, 0.05, 0};
  static constexpr OptimizerConfig kSgd{OptimizerKind::sgd, 1e-2, 3e-5, 0.9};
  // As U-Mamba trains its comparisons.
  static constexpr OptimizerConfig kSegResNet{OptimizerKind::adam, 1e-4, 1e-5, 0.9};
  static constexpr OptimizerConfig kUnetr{OptimizerKind::adamw, 1e-4, 0.01, 1};
  static constexpr OptimizerConfig kSwinUnetr{OptimizerKind::adamw, 8e-4, 0.01, 0};
  static constexpr TrainerEntry kTrainers[] = {
      // name, network, deep supervision, pretrained, optimiser
      {"nnUNetTrainerSwinUMamba", "swin_umamba", true, true, kAdamW},
      {"nnUNetTrainerSwinUMambaScratch", "swin_umamba", true, false, kAdamW},
      {"nnUNetTrainerSwinUMambaD", "swin_umamba_d", true, true, kAdamW},
      {"nnUNetTrainerSwinUMambaDScratch", "swin_umamba_d", false, false, kAdamW},
      {"nnUNetTrainer", "nnunet", true, false, kSgd},
      {"nnUNetTrainerUMambaBot", "umamba_bot", true, false, kSgd},
      {"nnUNetTrainerUMambaEnc", "umamba_enc", true, false, kSgd},
      {"nnUNetTrainerSegResNet", "segresnet", false, false, kSegResNet},
      {"nnUNetTrainerUNETR", "unetr", false, false, kUnetr},
      {"nnUNetTrainerSwinUNETR", "swin_unetr", false, false, kSwinUnetr},
      {"nnUNetTrainernnFormer", "nnformer", true, false, kSgd},  // nnFormer's own settings are nnU-Net's
      // The first releases used the names above; these are ours.
      {"nnUNetTrainerSwinUMambaV1", "swin_umamba_v1", true, true, kAdamW},
      {"nnUNetTrainerSwinUMambaV1Scratch", "swin_umamba_v1", true, false, kAdamW},
      {"nnUNetTrainerUMambaBotV1", "umamba_bot_v1", true, false, kSgd},
      {"nnUNetTrainerUMambaEncV1", "umamba_enc_v1", true, false, kSgd},
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

}  // namespace seg
