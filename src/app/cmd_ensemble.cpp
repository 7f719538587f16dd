#include <CLI/CLI.hpp>

#include <memory>

#include "app/command.h"
#include "base/error.h"
#include "infer/ensemble.h"

namespace seg {
namespace {

struct CliEnsembleOptions {
  std::vector<fs::path> inputs;
  fs::path output, dataset_json;
  EnsembleOptions ensemble;
};

void run_ensemble(const CliEnsembleOptions& options) {
  const fs::path json =
      options.dataset_json.empty() ? options.inputs.front() / "dataset.json" : options.dataset_json;
  ensemble_folders(options.inputs, options.output, read_dataset_info(json), options.ensemble);
  fmt::print("{}\n", options.output.string());
}

}  // namespace

Run declare_ensemble(CLI::App& app) {
  auto options = std::make_shared<CliEnsembleOptions>();
  app.add_option("-i,--input", options->inputs, "folders that `predict --save-probabilities` wrote")
      ->required()
      ->type_name("FOLDER");
  app.add_option("-o,--output", options->output, "folder for the segmentations")
      ->required()
      ->type_name("FOLDER");
  app.add_option("--dataset-json", options->dataset_json,
                 "labels and file ending (default: dataset.json in the first folder)")
      ->type_name("FILE");
  app.add_flag("--save-probabilities", options->ensemble.save_probabilities,
               "also write the averaged probabilities");
  app.add_flag("--as-nnunet", options->ensemble.as_nnunet,
               "repeat nnU-Net's mistake with regions, which paints each where its probability is not 0");
  app.footer(
      "A class is taken where its averaged probability is the largest, a region where it is above one half.\n"
      "Example:\n  swin-umamba ensemble -i predictions_u predictions_d -o predictions");
  return [options] { run_ensemble(*options); };
}

}  // namespace seg
