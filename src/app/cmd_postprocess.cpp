#include <CLI/CLI.hpp>

#include <memory>

#include "app/command.h"
#include "base/error.h"
#include "base/log.h"
#include "eval/cross_validation.h"

namespace seg {
namespace {

struct PostprocessOptions {
  fs::path input, output, references, rules, dataset_json;
};

DatasetInfo dataset_of(const PostprocessOptions& options) {
  return read_dataset_info(options.dataset_json.empty() ? options.input / "dataset.json"
                                                        : options.dataset_json);
}

void run_determine(const PostprocessOptions& options) {
  const auto choice = determine_postprocessing(options.input, options.references, dataset_of(options));
  fmt::print("{}", to_table(choice));
  note("wrote {}", (options.input / "postprocessing.json").string());
}

void run_apply(const PostprocessOptions& options) {
  const auto steps = read_postprocessing(options.rules);
  postprocess_folder(options.input, options.output, dataset_of(options).label_ending(), steps);
  fmt::print("{}\n", options.output.string());
}

}  // namespace

Run declare_postprocess(CLI::App& app) {
  auto options = std::make_shared<PostprocessOptions>();
  const auto add = [&](const char* name, const char* summary) {
    CLI::App* action = app.add_subcommand(name, summary);
    action->fallthrough();  // --threads and --quiet
    action->add_option("-i,--input", options->input, "folder of label images")
        ->required()
        ->type_name("FOLDER");
    action
        ->add_option("--dataset-json", options->dataset_json,
                     "labels and file ending (default: dataset.json in the input folder)")
        ->type_name("FILE");
    return action;
  };
  app.require_subcommand(1);
  CLI::App* determine = add("determine", "find out which labels are better off with one component");
  determine->add_option("-r,--references", options->references, "folder of reference label images")
      ->required()
      ->type_name("FOLDER");
  CLI::App* apply = add("apply", "do to new predictions what was found out");
  apply->add_option("-o,--output", options->output, "folder for the results")
      ->required()
      ->type_name("FOLDER");
  apply->add_option("--rules", options->rules, "postprocessing.json that `determine` or nnU-Net wrote")
      ->required()
      ->type_name("FILE");
  app.footer(
      "determine writes postprocessing.json (and .pkl for nnU-Net) into the input folder, and the results "
      "into postprocessed/ there.\n"
      "Example:\n  swin-umamba postprocess determine -i crossval_results_folds_0_1_2_3_4 -r "
      "gt_segmentations\n"
      "  swin-umamba postprocess apply -i predictions -o final --rules "
      "crossval_results_folds_0_1_2_3_4/postprocessing.json");
  return [options, determine] { determine->parsed() ? run_determine(*options) : run_apply(*options); };
}

}  // namespace seg
