// swin-umamba dump: writes a preprocessed case in nnU-Net's form.
#include <CLI/CLI.hpp>

#include <memory>

#include "app/command.h"
#include "base/error.h"
#include "data/preprocess.h"

namespace seg {

Run declare_dump(CLI::App& app) {
  struct Options {
    fs::path stored, output;
  };
  auto options = std::make_shared<Options>();
  app.add_option("case", options->stored, "preprocessed case: its file without .npy")
      ->required()
      ->type_name("CASE");
  app.add_option("-o,--output", options->output, "file to write (.npz)")->required()->type_name("FILE");
  app.footer(
      "Writes the arrays data (float32: channel, z, y, x) and seg (int8, or int16 for labels above 127).\n"
      "Example:\n  swin-umamba dump preprocessed/Dataset004_Hippocampus/nnUNetPlans_2d/hippocampus_001 -o "
      "case.npz");
  return [options] {
    if (options->output.extension() != ".npz")
      fail_usage("-o {}: expected a name that ends in .npz", options->output.string());
    fs::path stored = options->stored;
    if (stored.extension() == ".npy") stored.replace_extension();
    dump_case(stored.parent_path(), stored.filename().string(), options->output);
  };
}

}  // namespace seg
