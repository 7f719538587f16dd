#include "base/error.h"
#include "base/json.h"
#include "eval/cross_validation.h"
#include "eval/text_table.h"

namespace seg {
namespace {

using Steps = std::vector<KeepLargest>;

/// Scores the predictions after each of the lists of steps; every file is read once.
std::vector<Summary> score_after(const std::vector<Steps>& lists, const std::vector<ScoredPair>& pairs,
                                 const DatasetInfo& info) {
  std::vector<Summary> summaries(lists.size(), Summary{info.foreground(), {}});
  for (auto& summary : summaries) summary.cases.resize(pairs.size());
  for_each_pair("postprocess", pairs, [&](std::size_t i, const LabelPair& files) {
    for (std::size_t list = 0; list < lists.size(); ++list) {
      Labels labels = files.prediction.voxels;
      for (const auto& step : lists[list]) apply(step, labels);
      summaries[list].cases[i] = {
          pairs[i].reference.string(), pairs[i].prediction.string(),
          score_overlap(files.reference.voxels, labels, summaries[list].labels, info.ignore_label())};
    }
  });
  return summaries;
}

/// nnU-Net's rule for the whole foreground.
bool better_everywhere(const Summary& before, const Summary& after) {
  if (!(after.foreground_mean_dice() > before.foreground_mean_dice())) return false;
  for (std::size_t label = 0; label < before.labels.size(); ++label) {
    if (after.mean_dice(label) < before.mean_dice(label)) return false;
  }
  return true;
}

Steps with_step(Steps steps, const KeepLargest& step) {
  steps.push_back(step);
  return steps;
}

/// Tries each label on top of `choice.steps`. Classes do not touch each other, so all are scored in one go;
/// regions overlap, so each is tried on what the ones before it left.
void try_labels(PostprocessChoice& choice, Summary base, const std::vector<ScoredPair>& pairs,
                const DatasetInfo& info) {
  const auto labels = info.foreground();
  std::vector<Summary> together;
  if (!info.has_regions()) {
    std::vector<Steps> lists;
    for (const auto& label : labels)
      lists.push_back(with_step(choice.steps, KeepLargest({label.values}, true)));
    together = score_after(lists, pairs, info);
  }
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const KeepLargest step({labels[i].values}, true);
    const Summary after =
        info.has_regions() ? score_after({with_step(choice.steps, step)}, pairs, info)[0] : together[i];
    const bool kept = after.mean_dice(i) > base.mean_dice(i);
    choice.trials.push_back({labels[i].name, base.mean_dice(i), after.mean_dice(i), kept});
    if (!kept) continue;
    choice.steps.push_back(step);
    if (info.has_regions()) base = after;
  }
}

Json without_cases(const Summary& summary) {
  Json json = to_json(summary);
  json.erase("metric_per_case");
  return json;
}

}  // namespace

PostprocessChoice determine_postprocessing(const fs::path& predictions, const fs::path& references,
                                           const DatasetInfo& info) {
  const auto pairs = pair_predictions(references, predictions, info.label_ending());
  std::vector<std::vector<int>> foreground;
  for (const auto& label : info.foreground()) foreground.push_back(label.values);
  const KeepLargest all(foreground);

  auto scores = score_after({{}, {all}}, pairs, info);
  PostprocessChoice choice;
  choice.before = std::move(scores[0]);
  const bool kept = better_everywhere(choice.before, scores[1]);
  choice.trials.push_back(
      {"all foreground", choice.before.foreground_mean_dice(), scores[1].foreground_mean_dice(), kept});
  if (kept) choice.steps.push_back(all);
  if (foreground.size() > 1) try_labels(choice, kept ? scores[1] : choice.before, pairs, info);

  const fs::path output = predictions / "postprocessed";
  postprocess_folder(predictions, output, info.label_ending(), choice.steps);
  choice.after = evaluate_pairs(pair_predictions(references, output, info.label_ending()), info);
  if (!fs::exists(predictions / "summary.json")) write_summary(predictions / "summary.json", choice.before);
  write_summary(output / "summary.json", choice.after);
  Json json{{"input_folder", without_cases(choice.before)}, {"postprocessed", without_cases(choice.after)}};
  json.update(to_json(choice.steps));
  write_json(predictions / "postprocessing.json", json);
  write_text(predictions / "postprocessing.pkl", to_pickle(choice.steps));
  return choice;
}

std::string to_table(const PostprocessChoice& choice) {
  TextTable table({"largest component of", "before", "after", ""});
  for (const auto& trial : choice.trials)
    table.add_row(
        {trial.what, format_score(trial.before), format_score(trial.after), trial.kept ? "kept" : "no gain"});
  table.add_rule();
  table.add_row({"mean Dice", format_score(choice.before.foreground_mean_dice()),
                 format_score(choice.after.foreground_mean_dice()), ""});
  return table.text();
}

}  // namespace seg
