// swin-umamba preprocess: makes the training cases of a planned dataset ready for training.
#include <CLI/CLI.hpp>

#include <memory>

#include "app/command.h"
#include "app/options.h"
#include "base/json.h"
#include "base/log.h"
#include "data/plan.h"
#include "data/preprocess.h"
#include "data/splits.h"

namespace seg {
namespace {

struct PreprocessOptions {
  DataFolders folders;
  std::string dataset;
  std::string configuration = "2d", plans = "nnUNetPlans";
};

Plan read_plan(const fs::path& file) {
  if (!fs::exists(file)) {
    throw Error(fmt::format("{} is missing", file.string()), "run swin-umamba plan for the dataset first");
  }
  return plan_from_json(read_json(file), file.string());
}

/// The references that validation compares with.
void copy_references(const Dataset& dataset, const fs::path& folder) {
  make_folder(folder);
  for (const Case& one : dataset.training)
    copy_image(one.label, folder / (one.id + dataset.info.label_ending()));
}

/// Makes splits_final.json unless there is one, or too few cases for five folds.
void prepare_splits(const Dataset& dataset, const fs::path& file) {
  std::vector<std::string> ids;
  for (const Case& one : dataset.training) ids.push_back(one.id);
  if (ids.size() < kFolds) {
    warn("no cross-validation folds: expected {} cases or more, got {}; train with -f all", kFolds,
         ids.size());
    return;
  }
  split_for_fold(file, ids, "0");
}

void run_preprocess(const PreprocessOptions& options) {
  const Dataset dataset = open_dataset(find_dataset(options.folders.raw, options.dataset));
  const fs::path folder = options.folders.preprocessed / dataset.info.name;
  const Plan plan = read_plan(folder / (options.plans + ".json"));
  const Configuration& configuration = plan.configuration(options.configuration);
  const fs::path cases = folder / configuration.data_identifier;
  preprocess_dataset(dataset, plan, configuration, cases);
  copy_references(dataset, folder / "gt_segmentations");
  prepare_splits(dataset, folder / "splits_final.json");
  note("{} cases written to {}; next: swin-umamba train -d {}", dataset.training.size(), cases.string(),
       options.dataset);
}

}  // namespace

Run declare_preprocess(CLI::App& app) {
  auto options = std::make_shared<PreprocessOptions>();
  add_dataset_option(app, options->dataset);
  app.add_option("-c,--configuration", options->configuration, "configuration of the plans (default: 2d)")
      ->type_name("NAME");
  app.add_option("--plans", options->plans, "name of the plans")->capture_default_str()->type_name("NAME");
  add_folder_options(app, options->folders, true, true, false);
  app.footer("Example:\n  swin-umamba preprocess -d 4 --raw data/raw --preprocessed data/preprocessed");
  return [options] { run_preprocess(*options); };
}

}  // namespace seg
