// swin-umamba evaluate: Dice and IoU of predictions against references.
#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>
#include <optional>

#include "app/command.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "eval/summary.h"

namespace seg {
namespace {

constexpr std::size_t kMaxCasesShown = 40;

struct Options {
  fs::path references, predictions, output, dataset_json;
  bool skip_missing = false, all_cases = false;
  std::optional<double> fail_under;
};

/// dataset.json as given, or in the predictions, or beside one of the two folders.
fs::path find_dataset_json(const Options& options) {
  if (!options.dataset_json.empty()) return options.dataset_json;
  const auto parent = [](const fs::path& folder) {
    return fs::absolute(folder / "").parent_path().parent_path();
  };
  const std::vector<fs::path> places{options.predictions, parent(options.predictions),
                                     parent(options.references)};
  for (const auto& place : places) {
    if (fs::exists(place / "dataset.json")) return place / "dataset.json";
  }
  throw Error(fmt::format("no dataset.json in {}, {} or {}", places[0].string(), places[1].string(),
                          places[2].string()),
              "name it with --dataset-json FILE");
}

DatasetInfo read_dataset_info(const fs::path& path) {
  return parse_dataset_info(read_json(path), fs::absolute(path).parent_path().filename().string(),
                            path.string());
}

void run(const Options& options) {
  for (const auto& folder : {options.references, options.predictions}) {
    if (!fs::is_directory(folder)) fail_usage("folder {} does not exist", folder.string());
  }
  const DatasetInfo info = read_dataset_info(find_dataset_json(options));
  const auto pairs =
      pair_files(options.references, options.predictions, info.label_ending(), options.skip_missing);
  const Summary summary = evaluate_pairs(pairs, info);
  const bool per_case = options.all_cases || summary.cases.size() <= kMaxCasesShown;
  fmt::print("{}", to_table(summary, per_case));
  if (!per_case) note("{} cases; --all-cases lists each", summary.cases.size());
  if (!options.output.empty()) {
    write_summary(options.output, summary);
    note("wrote {}", options.output.string());
  }
  // Written so that NaN fails as well.
  if (options.fail_under && !(summary.foreground_mean_dice() >= *options.fail_under)) {
    fail("mean foreground Dice: expected at least {}, got {:.4f}", *options.fail_under,
         summary.foreground_mean_dice());
  }
}

}  // namespace

Run declare_evaluate(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("references", options->references, "folder of reference label images")
      ->required()
      ->type_name("GT");
  app.add_option("predictions", options->predictions, "folder of predicted label images with the same names")
      ->required()
      ->type_name("PRED");
  app.add_option("-o,--output", options->output, "write nnU-Net's summary.json here")->type_name("FILE");
  app.add_option("--dataset-json", options->dataset_json,
                 "labels and file ending (default: dataset.json in PRED, beside it, or beside GT)")
      ->type_name("FILE");
  app.add_flag("--skip-missing", options->skip_missing, "score only references that have a prediction");
  app.add_flag("--all-cases", options->all_cases,
               fmt::format("list every case, also when there are more than {}", kMaxCasesShown));
  app.add_option("--fail-under", options->fail_under, "exit with 1 when the mean foreground Dice is lower")
      ->check(CLI::Range(0.0, 1.0));
  app.footer("Example:\n  swin-umamba evaluate Dataset004_Hippocampus/labelsTs predictions -o summary.json");
  return [options] { run(*options); };
}

}  // namespace seg
