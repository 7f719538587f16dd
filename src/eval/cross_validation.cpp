#include "eval/cross_validation.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>

#include "base/error.h"
#include "base/log.h"
#include "image/image_io.h"
#include "infer/ensemble.h"
#include "infer/trained_model.h"

namespace seg {
namespace {

/// The fold's validation predictions.
fs::path validation_folder(const fs::path& model, const std::string& fold) {
  const fs::path folder = model / ("fold_" + fold) / "validation";
  if (fs::is_directory(folder)) return folder;
  throw Error(fmt::format("{} does not exist", folder.string()),
              fmt::format("train fold {} of this model, or name the folds that are trained (-f)", fold));
}

bool has_probabilities(const fs::path& model, const std::vector<std::string>& folds) {
  return std::ranges::all_of(folds, [&](const std::string& fold) {
    return !list_files(validation_folder(model, fold), ".npz").empty();
  });
}

/// nnU-Net scores every model on its own cases; only on the same ones do the scores say which is better.
void check_same_cases(const Summary& first, const Summary& other, const std::string& first_name,
                      const std::string& other_name) {
  const auto names = [](const Summary& summary) {
    std::set<std::string> found;
    for (const auto& one : summary.cases) found.insert(case_name(one.prediction_file));
    return found;
  };
  std::vector<std::string> only;
  std::ranges::set_symmetric_difference(names(first), names(other), std::back_inserter(only));
  if (only.empty()) return;
  throw Error(fmt::format("{} and {} were validated on different cases: only one of them has {}", first_name,
                          other_name, only.front()),
              "train them on the same folds, or repeat their validation (train --val-only)");
}

Candidate ensemble_of(const fs::path& a, const fs::path& b, const std::vector<std::string>& folds,
                      const fs::path& references, const DatasetInfo& info, const fs::path& ensemble_folder) {
  Candidate made;
  made.name = fmt::format("ensemble___{}___{}___{}", folder_name(a), folder_name(b), fmt::join(folds, "_"));
  made.models = {a, b};
  made.predictions = ensemble_folder / made.name;
  fs::remove_all(made.predictions);
  for (const auto& fold : folds) {
    ensemble_folders({validation_folder(a, fold), validation_folder(b, fold)}, made.predictions, info, {});
  }
  copy_descriptions(a, made.predictions);
  const Summary summary =
      evaluate_pairs(pair_predictions(references, made.predictions, info.label_ending()), info);
  write_summary(made.predictions / "summary.json", summary);
  made.dice = summary.foreground_mean_dice();
  return made;
}

/// Error where removing `output` would remove more than an earlier gathering (whose dataset.json is copied
/// first).
void check_replaceable(const fs::path& output, const std::vector<fs::path>& sources) {
  for (const fs::path& source : sources) {
    const fs::path inside = fs::weakly_canonical(source).lexically_relative(fs::weakly_canonical(output));
    if (!inside.empty() && *inside.begin() != "..")
      fail("{} lies in {}, which would be removed", source.string(), output.string());
  }
  if (fs::exists(output) && !fs::is_empty(output) && !fs::exists(output / "dataset.json"))
    throw Error(fmt::format("{} holds other files, which would be removed", output.string()),
                "name a new folder");
}

}  // namespace

Summary gather_folds(const fs::path& model, const std::vector<std::string>& folds, const fs::path& output,
                     const fs::path& references, const DatasetInfo& info) {
  std::vector<fs::path> files;
  for (const auto& fold : folds) {
    for (const auto& file : list_files(validation_folder(model, fold), info.label_ending())) {
      const auto same = [&](const fs::path& other) { return other.filename() == file.filename(); };
      const auto twice = std::ranges::find_if(files, same);
      if (twice != files.end())
        fail("{} and {}: two folds predict the same case", twice->string(), file.string());
      files.push_back(file);
    }
  }
  if (files.empty()) fail("{}: no {} file in its folds", model.string(), info.label_ending());
  check_replaceable(output, {model, references});
  fs::remove_all(output);
  make_folder(output);
  copy_descriptions(model, output);
  for (const auto& file : files) copy_image(file, output / file.filename());
  Summary summary = evaluate_pairs(pair_predictions(references, output, info.label_ending()), info);
  write_summary(output / "summary.json", summary);
  return summary;
}

std::vector<Candidate> compare_models(const std::vector<fs::path>& models,
                                      const std::vector<std::string>& folds, const fs::path& references,
                                      const DatasetInfo& info, bool ensembles,
                                      const fs::path& ensemble_folder) {
  std::vector<Candidate> candidates;
  std::vector<fs::path> members;
  Summary first;
  for (const auto& model : models) {
    const fs::path gathered = model / gathered_name(folds);
    const Summary summary = gather_folds(model, folds, gathered, references, info);
    if (candidates.empty()) first = summary;
    check_same_cases(first, summary, models.front().string(), model.string());
    candidates.push_back({folder_name(model), {model}, gathered, summary.foreground_mean_dice()});
    if (!ensembles) continue;
    if (has_probabilities(model, folds)) {
      members.push_back(model);
    } else {
      warn(
          "{}: no probabilities of the validation cases, so it is in no ensemble (train with --npz, or add "
          "them with train --val-only --npz)",
          model.string());
    }
  }
  for (std::size_t i = 0; i < members.size(); ++i) {
    for (std::size_t j = i + 1; j < members.size(); ++j)
      candidates.push_back(ensemble_of(members[i], members[j], folds, references, info, ensemble_folder));
  }
  return candidates;
}

const Candidate& best_of(const std::vector<Candidate>& candidates) {
  if (candidates.empty()) fail("no model to choose from");
  const auto worse = [](const Candidate& a, const Candidate& b) {
    return a.dice < b.dice || (std::isnan(a.dice) && !std::isnan(b.dice));
  };
  return *std::ranges::max_element(candidates, worse);
}

}  // namespace seg
