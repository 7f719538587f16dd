// What follows the training of all folds: their validation predictions together, and the postprocessing and
// the models that do best on them. Source: nnU-Net's evaluation and postprocessing programs.
#pragma once
#include <string>
#include <vector>

#include "eval/summary.h"
#include "infer/postprocess.h"

namespace seg {

/// What a step of postprocessing did to the mean Dice of what it was tried on.
struct PostprocessTrial {
  std::string what;  ///< "all foreground", or the name of a label
  double before = 0, after = 0;
  bool kept = false;
};

struct PostprocessChoice {
  std::vector<KeepLargest> steps;
  std::vector<PostprocessTrial> trials;
  Summary before, after;
};

/// Finds out on `predictions` which labels are better off with their largest component only: first the whole
/// foreground (kept where the mean Dice rises and no label's falls), then each label or region (kept where
/// its own Dice rises). Writes into `predictions` what nnU-Net does: summary.json unless it is there,
/// postprocessing.json and .pkl, and the postprocessed files with their summary.json in postprocessed/.
PostprocessChoice determine_postprocessing(const fs::path& predictions, const fs::path& references,
                                           const DatasetInfo& info);

/// What was tried, with mean Dice before and after, for people.
std::string to_table(const PostprocessChoice& choice);

/// Copies the validation predictions of the folds ("0" to "4", or "all") of a model folder into `output`,
/// with dataset.json and plans.json, and scores them into summary.json. What lies in `output` is removed
/// first. Throws Error for a fold that is not there, a case that two folds hold, and one without a reference.
Summary gather_folds(const fs::path& model, const std::vector<std::string>& folds, const fs::path& output,
                     const fs::path& references, const DatasetInfo& info);

/// A trained model, or two as an ensemble, and how well it did.
struct Candidate {
  std::string name;              ///< folder name, or ensemble___A___B___0_1_2_3_4
  std::vector<fs::path> models;  ///< model folders
  fs::path predictions;          ///< gathered
  double dice = 0;               ///< mean foreground Dice
};

/// Gathers the folds of every model and, with `ensembles`, averages the probabilities of every two that have
/// them into `ensemble_folder`/<name>. In the order given, ensembles last. Throws Error for models that were
/// validated on different cases.
std::vector<Candidate> compare_models(const std::vector<fs::path>& models,
                                      const std::vector<std::string>& folds, const fs::path& references,
                                      const DatasetInfo& info, bool ensembles,
                                      const fs::path& ensemble_folder);

/// The best candidate; of equals the first.
const Candidate& best_of(const std::vector<Candidate>& candidates);

}  // namespace seg
