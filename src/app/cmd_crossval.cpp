#include <CLI/CLI.hpp>

#include <memory>

#include "app/command.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "eval/cross_validation.h"
#include "infer/trained_model.h"

namespace seg {
namespace {

struct CrossvalOptions {
  fs::path model, output, references, preprocessed;
  std::vector<std::string> folds{"0", "1", "2", "3", "4"};
  bool postprocessing = true;
};

fs::path find_references(const CrossvalOptions& options) {
  if (!options.references.empty()) return options.references;
  if (options.preprocessed.empty())
    fail_usage("expected --references FOLDER, or --preprocessed FOLDER (or nnUNet_preprocessed)");
  const fs::path plans = options.model / "plans.json";
  return with_context(plans.string(), [&] {
    return options.preprocessed / get<std::string>(read_json(plans), "dataset_name") / "gt_segmentations";
  });
}

void run_crossval(const CrossvalOptions& options) {
  const DatasetInfo info = read_dataset_info(options.model / "dataset.json");
  const fs::path references = find_references(options);
  const fs::path output =
      options.output.empty() ? options.model / gathered_name(options.folds) : options.output;
  const Summary summary = gather_folds(options.model, options.folds, output, references, info);
  note("{} cases, mean foreground Dice {:.4f}", summary.cases.size(), summary.foreground_mean_dice());
  if (options.postprocessing) note("{}", to_table(determine_postprocessing(output, references, info)));
  fmt::print("{}\n", output.string());
}

}  // namespace

Run declare_crossval(CLI::App& app) {
  auto options = std::make_shared<CrossvalOptions>();
  app.add_option("-m,--model", options->model, "folder of a trained model")->required()->type_name("FOLDER");
  app.add_option("-f,--folds", options->folds, "folds to gather")->capture_default_str()->type_name("FOLD");
  app.add_option("-o,--output", options->output,
                 "folder for the gathered predictions; what is in it is removed (default: "
                 "crossval_results_folds_... in the model folder)")
      ->type_name("FOLDER");
  app.add_option("-r,--references", options->references,
                 "folder of reference label images (default: gt_segmentations of the preprocessed dataset)")
      ->type_name("FOLDER");
  app.add_option("--preprocessed", options->preprocessed, "plans and preprocessed cases")
      ->envname("nnUNet_preprocessed")
      ->type_name("FOLDER");
  app.add_flag("!--no-postprocessing", options->postprocessing, "do not determine the postprocessing");
  app.footer(
      "Example:\n  swin-umamba crossval -m results/Dataset004_Hippocampus/"
      "nnUNetTrainerSwinUMambaDScratch__nnUNetPlans__2d");
  return [options] { run_crossval(*options); };
}

}  // namespace seg
