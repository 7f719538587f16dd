#include "app/command.h"

#include <vector>

#include "app/libtorch.h"

namespace seg {

Run declare_plan(CLI::App& app);
Run declare_preprocess(CLI::App& app);
Run declare_train(CLI::App& app);
Run declare_pretrain(CLI::App& app);
Run declare_predict(CLI::App& app);
Run declare_evaluate(CLI::App& app);
Run declare_ensemble(CLI::App& app);
Run declare_postprocess(CLI::App& app);
Run declare_crossval(CLI::App& app);
Run declare_find_best(CLI::App& app);
Run declare_phantom(CLI::App& app);
Run declare_convert(CLI::App& app);
Run declare_doctor(CLI::App& app);
Run declare_dump(CLI::App& app);
Run declare_forward(CLI::App& app);
Run declare_info(CLI::App& app);
Run declare_overlay(CLI::App& app);
Run declare_curves(CLI::App& app);
Run declare_move_plans(CLI::App& app);
Run declare_links(CLI::App& app);
Run declare_weights(CLI::App& app);
Run declare_export(CLI::App& app);
Run declare_quantize(CLI::App& app);
Run declare_install(CLI::App& app);

std::span<const Command> commands() {
  static const std::vector<Command> kCommands{
      {"doctor", "find and repair what is wrong with a raw dataset", declare_doctor},
      {"plan", "fingerprint a dataset and plan how to train on it", declare_plan},
      {"preprocess", "crop, normalise and resample the training cases", declare_preprocess},
      {"dump", "write a preprocessed case as nnU-Net's npz", declare_dump},
#ifdef SEG_WITH_TORCH
      {"train", "train a network on one fold", declare_train},
      {"pretrain", "train the classifier whose encoder train --pretrained starts from", declare_pretrain},
      {"forward", "run a network on one array, for parity work and debugging", declare_forward},
      {"info", "parameters, operations and memory of the networks", declare_info},
#endif
      {"predict", "segment images with a trained model", declare_predict},
#ifndef SEG_FULL_PROGRAM  // these check weights with LibTorch's networks where they can
      {"export", "write a trained model into one file, or into nnU-Net's zip archive", declare_export},
      {"quantize", "put a model's layers into int8, for speed", declare_quantize},
      {"weights", "show and convert files of weights and checkpoints", declare_weights},
#endif
      {"install", "unpack a model of nnU-Net's zip archive into the results folder", declare_install},
      {"evaluate", "score predictions against references", declare_evaluate},
      {"ensemble", "average the probabilities of several models", declare_ensemble},
      {"postprocess", "keep the largest component of labels where that helps", declare_postprocess},
      {"crossval", "gather and score the validation predictions of a model's folds", declare_crossval},
      {"find-best", "compare trained models and their ensembles by cross-validation", declare_find_best},
      {"phantom", "make a synthetic dataset to try things on", declare_phantom},
      {"convert", "turn a public dataset into nnU-Net's raw layout", declare_convert},
      {"overlay", "draw image, label and prediction side by side", declare_overlay},
      {"curves", "draw the validation curves of several trainings, grouped", declare_curves},
      {"move-plans", "use the plans of one dataset for another", declare_move_plans},
      {"links", "make the program answer to the names of nnU-Net's commands", declare_links},
  };
  return kCommands;
}

#ifdef SEG_FULL_PROGRAM
std::string_view full_program() {
  return SEG_FULL_PROGRAM;
}
LibTorch libtorch() {
  return {[](const TrainedFold&) -> TileModel { throw NeedsFullProgram(); }, {}, {}};
}
#else
std::string_view full_program() {
  return {};
}
#ifndef SEG_WITH_TORCH
LibTorch libtorch() {
  return {};
}
#endif
#endif

}  // namespace seg
