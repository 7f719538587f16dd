#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>

#include "app/command.h"
#include "app/options.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "eval/cross_validation.h"
#include "eval/text_table.h"

namespace seg {
namespace {

struct FindBestOptions {
  std::string dataset;
  std::vector<std::string> models, folds{"0", "1", "2", "3", "4"};
  bool ensembles = true;
  DataFolders folders;
};

bool has_folds(const fs::path& model, const std::vector<std::string>& folds) {
  return std::ranges::all_of(
      folds, [&](const auto& fold) { return fs::is_directory(model / ("fold_" + fold) / "validation"); });
}

/// The named model folders, or all, that have every fold; the others are told.
std::vector<fs::path> available_models(const fs::path& results, const FindBestOptions& options) {
  std::vector<fs::path> wanted, found;
  for (const auto& name : options.models) wanted.push_back(results / name);
  if (wanted.empty()) {
    for (const auto& entry : fs::directory_iterator(results)) {
      if (fs::exists(entry.path() / "plans.json") && entry.path().filename() != "ensembles")
        wanted.push_back(entry.path());
    }
    std::sort(wanted.begin(), wanted.end());
  }
  for (const auto& model : wanted) {
    if (has_folds(model, options.folds)) {
      found.push_back(model);
    } else if (!options.models.empty()) {
      fail("{} lacks some of the folds {}", model.string(), fmt::join(options.folds, ", "));
    } else {
      warn("{} is left out: it lacks some of the folds {}", model.string(), fmt::join(options.folds, ", "));
    }
  }
  if (found.empty()) {
    throw Error(fmt::format("no model in {} has all of the folds {}", results.string(),
                            fmt::join(options.folds, ", ")),
                "train them, or name the folds that are trained (-f)");
  }
  return found;
}

/// "Trainer__Plans__2d" as nnU-Net's files describe a model.
Json describe(const fs::path& model) {
  const std::string name = model.filename().string();
  const auto first = name.find("__"), last = name.rfind("__");
  if (first == std::string::npos || first == last)
    fail("{}: expected a folder named TRAINER__PLANS__CONFIGURATION", model.string());
  return {{"configuration", name.substr(last + 2)},
          {"trainer", name.substr(0, first)},
          {"plans_identifier", name.substr(first + 2, last - first - 2)}};
}

/// The commands that predict new images as the best candidate was evaluated.
std::string instructions(const Candidate& best, const std::vector<std::string>& folds) {
  const bool ensemble = best.models.size() > 1;
  std::string text = "# Predict:\n", inputs;
  for (std::size_t i = 0; i < best.models.size(); ++i) {
    const std::string output = ensemble ? fmt::format("OUTPUT_MODEL_{}", i + 1) : "OUTPUT";
    inputs += " " + output;
    text +=
        fmt::format("swin-umamba predict -i INPUT -o {} -m {} -f {} --tta{}\n", output,
                    best.models[i].string(), fmt::join(folds, " "), ensemble ? " --save-probabilities" : "");
  }
  if (ensemble) text += fmt::format("\n# Average:\nswin-umamba ensemble -i{} -o OUTPUT\n", inputs);
  return text +
         fmt::format("\n# Postprocess:\nswin-umamba postprocess apply -i OUTPUT -o OUTPUT_FINAL --rules {}\n",
                     (best.predictions / "postprocessing.json").string());
}

Json information(const FindBestOptions& options, const std::vector<fs::path>& models,
                 const std::vector<Candidate>& candidates, const Candidate& best,
                 const PostprocessChoice& postprocessing) {
  Json considered = Json::array(), results = Json::object(), selected = Json::array();
  for (const auto& model : models) considered.push_back(describe(model));
  for (const auto& candidate : candidates) results[candidate.name] = candidate.dice;
  for (const auto& model : best.models) selected.push_back(describe(model));
  return {{"folds", options.folds},
          {"dataset_name_or_id", options.dataset},
          {"considered_models", considered},
          {"ensembling_allowed", options.ensembles},
          {"all_results", results},
          {"best_model_or_ensemble",
           {{"result_on_crossval_pre_pp", best.dice},
            {"result_on_crossval_post_pp", postprocessing.after.foreground_mean_dice()},
            {"postprocessing_file", (best.predictions / "postprocessing.pkl").string()},
            {"some_plans_file", (best.predictions / "plans.json").string()},
            {"selected_model_or_models", selected}}}};
}

void run_find_best(const FindBestOptions& options) {
  const fs::path results = find_dataset(options.folders.results, options.dataset);
  const fs::path references =
      find_dataset(options.folders.preprocessed, options.dataset) / "gt_segmentations";
  const auto models = available_models(results, options);
  const DatasetInfo info = read_dataset_info(models.front() / "dataset.json");
  const auto candidates =
      compare_models(models, options.folds, references, info, options.ensembles, results / "ensembles");
  const Candidate& best = best_of(candidates);
  const auto postprocessing = determine_postprocessing(best.predictions, references, info);

  TextTable table({"model", "Dice"});
  for (const auto& candidate : candidates) table.add_row({candidate.name, format_score(candidate.dice)});
  const std::string commands = instructions(best, options.folds);
  fmt::print("{}\nbest: {}\n{}\n{}", table.text(), best.name, to_table(postprocessing), commands);
  write_text(results / "inference_instructions.txt", commands);
  write_json(results / "inference_information.json",
             information(options, models, candidates, best, postprocessing));
  note("wrote inference_instructions.txt and inference_information.json to {}", results.string());
}

}  // namespace

Run declare_find_best(CLI::App& app) {
  auto options = std::make_shared<FindBestOptions>();
  add_dataset_option(app, options->dataset);
  app.add_option("--models", options->models,
                 "folders of trained models below the dataset's results (default: all that have the folds)")
      ->type_name("NAME");
  app.add_option("-f,--folds", options->folds, "folds to compare by")
      ->capture_default_str()
      ->type_name("FOLD");
  app.add_flag("!--no-ensembles", options->ensembles, "do not try every two models together");
  add_folder_options(app, options->folders, false, true, true);
  app.footer(
      "Ensembles need the probabilities of the validation cases (train --npz). Prints the commands that "
      "predict new images with the winner.\n"
      "Example:\n  swin-umamba find-best -d 4");
  return [options] { run_find_best(*options); };
}

}  // namespace seg
