// formula_checkpoint NETWORK FILE: a checkpoint with weights by formula for patches of 64x64, for tests of
// the program that predict without training.
#include "support/formula_model.h"

int main(int count, char** arguments) {
  if (count != 3) return 2;
  const std::string network = arguments[1];
  const std::string trainer =
      network == "swin_umamba" ? "nnUNetTrainerSwinUMamba" : "nnUNetTrainerSwinUMambaD";
  seg::testing::FormulaWeights(network, trainer, {64, 64}).write(arguments[2]);
}
