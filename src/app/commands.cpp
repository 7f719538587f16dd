#include "app/command.h"

#include <vector>

namespace seg {

Run declare_plan(CLI::App& app);
Run declare_preprocess(CLI::App& app);
Run declare_train(CLI::App& app);
Run declare_predict(CLI::App& app);
Run declare_evaluate(CLI::App& app);
Run declare_phantom(CLI::App& app);
Run declare_convert(CLI::App& app);
Run declare_forward(CLI::App& app);
Run declare_info(CLI::App& app);
Run declare_overlay(CLI::App& app);

std::span<const Command> commands() {
  static const std::vector<Command> kCommands{
      {"plan", "fingerprint a dataset and plan how to train on it", declare_plan},
      {"preprocess", "crop, normalise and resample the training cases", declare_preprocess},
#ifdef SEG_WITH_TORCH
      {"train", "train a network on one fold", declare_train},
      {"predict", "segment images with a trained model", declare_predict},
      {"forward", "run a network on one array, for parity work and debugging", declare_forward},
      {"info", "parameters, operations and memory of the networks", declare_info},
#endif
      {"evaluate", "score predictions against references", declare_evaluate},
      {"phantom", "make a synthetic dataset to try things on", declare_phantom},
      {"convert", "turn a public dataset into nnU-Net's raw layout", declare_convert},
      {"overlay", "draw image, label and prediction side by side", declare_overlay},
  };
  return kCommands;
}

}  // namespace seg
