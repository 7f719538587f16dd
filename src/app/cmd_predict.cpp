#include <CLI/CLI.hpp>

#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <sstream>

#include "app/command.h"
#include "app/libtorch.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "infer/prediction_files.h"
#include "infer/predictor.h"

namespace seg {
namespace {

constexpr const char* kStandardInput = "-";

struct CliPredictOptions {
  std::string input;
  fs::path output, model;
  bool probabilities = false, skip_existing = false;
  std::size_t parts = 1, part = 0;
  PredictOptions predict;
};

/// "a_0000.nii.gz,a_0001.nii.gz" as files.
std::vector<fs::path> split_files(const std::string& text) {
  std::vector<fs::path> files;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) files.emplace_back(part);
  if (files.empty()) fail_usage("--input: expected a folder, a file or -, got an empty name");
  return files;
}

/// Cases from lines of channel files separated by commas.
std::vector<Case> read_case_list(std::istream& lines, const DatasetInfo& info) {
  std::vector<Case> cases;
  std::set<std::string> ids;
  std::string line;
  while (std::getline(lines, line)) {
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty()) continue;
    cases.push_back(case_of_files(split_files(line), info.channel_names.size(), info.file_ending));
    if (!ids.insert(cases.back().id).second)
      fail("two cases are called \"{}\", the second is {}", cases.back().id, line);
  }
  if (cases.empty()) {
    throw Error("standard input names no case", "one case per line, its channel files separated by commas");
  }
  return cases;
}

std::vector<Case> input_cases(const std::string& input, const DatasetInfo& info) {
  const auto channels = info.channel_names.size();
  if (input == kStandardInput) return read_case_list(std::cin, info);
  if (fs::is_directory(input)) return list_cases(input, channels, info.file_ending);
  if (!fs::exists(input) && input.find(',') == std::string::npos) fail("input {} does not exist", input);
  return {case_of_files(split_files(input), channels, info.file_ending)};
}

/// -o names a file where -i does; everything else writes <case><file ending> into the folder -o.
bool output_is_file(const CliPredictOptions& options, const DatasetInfo& info) {
  return options.input != kStandardInput && !fs::is_directory(options.input) &&
         options.output.string().ends_with(info.label_ending());
}

/// How the predictions of a folder were made, under nnU-Net's names.
Json arguments_json(const CliPredictOptions& options) {
  return {{"list_of_lists_or_source_folder", options.input},
          {"output_folder_or_list_of_truncated_output_files", options.output.string()},
          {"save_probabilities", options.probabilities},
          {"overwrite", !options.skip_existing},
          {"folder_with_segs_from_prev_stage", nullptr},
          {"num_parts", options.parts},
          {"part_id", options.part},
          {"model_training_output_dir", options.model.string()},
          {"use_folds", options.predict.folds},
          {"checkpoint_name", options.predict.checkpoint},
          {"tile_step_size", options.predict.step_size},
          {"use_mirroring", options.predict.mirror}};
}

bool is_done(const fs::path& file, const CliPredictOptions& options, const DatasetInfo& info) {
  const auto beside = [&](const char* ending) {
    return fs::exists(with_ending(file, info.label_ending(), ending));
  };
  return fs::exists(file) && (!options.probabilities || (beside(".npz") && beside(".pkl")));
}

void run_predict(const CliPredictOptions& options) {
  if (options.part >= options.parts)
    fail_usage("--part-id: expected 0 to {}, got {}", options.parts - 1, options.part);
  const Predictor predictor(options.model, options.predict);
  const DatasetInfo& info = predictor.info();
  const auto all = input_cases(options.input, info);
  const bool to_file = output_is_file(options, info);
  const fs::path folder = to_file ? fs::absolute(options.output).parent_path() : options.output;
  make_folder(folder);
  if (!to_file) {
    write_text(folder / "dataset.json", predictor.dataset_text());
    write_text(folder / "plans.json", predictor.plans_text());
    write_json(folder / "predict_from_raw_data_args.json", arguments_json(options));
  }
  std::vector<std::pair<Case, fs::path>> work;
  std::size_t done = 0;
  for (std::size_t i = options.part; i < all.size(); i += options.parts) {
    const fs::path file = to_file ? options.output : folder / (all[i].id + info.label_ending());
    if (options.skip_existing && is_done(file, options, info)) {
      ++done;
    } else {
      work.emplace_back(all[i], file);
    }
  }
  note("{} cases{}, {} fold{}", work.size(), done > 0 ? fmt::format(" ({} more are done)", done) : "",
       predictor.folds(), predictor.folds() == 1 ? "" : "s");
  for (const auto& step : predictor.postprocessing())
    note("postprocessing that the model brings: only the largest component of {}", to_words(step));
  {
    Progress progress("predict", static_cast<std::int64_t>(work.size()), "cases");
    for (const auto& [files, file] : work) {
      const auto predicted = predictor.predict(files, options.probabilities);
      write_prediction(file, info.label_ending(), predicted.prediction, predicted.properties);
      progress.advance();
    }
  }
  note("peak memory {:.0f} MiB", peak_memory_mib());
  fmt::print("{}\n", options.output.string());
}

}  // namespace

Run declare_predict(CLI::App& app) {
  auto options = std::make_shared<CliPredictOptions>();
  options->predict.libtorch = libtorch().model;
  app.add_option("-i,--input", options->input,
                 "folder of images named <case>_0000<ending>, ...; or one image (channel files separated by "
                 "commas); or - for a list of such on standard input, one case per line")
      ->required()
      ->type_name("INPUT");
  app.add_option("-o,--output", options->output, "folder for the segmentations, or a file for one image")
      ->required()
      ->type_name("OUTPUT");
  app.add_option("-m,--model", options->model, "folder of a trained model, or a file that `export` wrote")
      ->required()
      ->type_name("MODEL");
  app.add_option("-f,--folds", options->predict.folds, "folds to average (default: all that are there)")
      ->type_name("FOLD");
  app.add_option("--checkpoint", options->predict.checkpoint, "best, final, latest or a file")
      ->capture_default_str();
  app.add_option("--engine", options->predict.runtime,
                 "what the network runs on: native (the default where it has the network) or torch")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, Runtime>{{"native", Runtime::native}, {"torch", Runtime::torch}}));
  app.add_flag("--check-engine", options->predict.check_engine,
               "run the first tiles on both, and print how far they are apart");
  app.add_flag("--tta", options->predict.mirror, "average over mirrored images (4x the time)");
  app.add_flag("!--no-postprocessing", options->predict.postprocess,
               "leave out the postprocessing that a model file brings");
  app.add_option("--step-size", options->predict.step_size, "distance of tiles as a share of the patch")
      ->capture_default_str()
      ->check(CLI::Range(0.05, 1.0));
  app.add_flag(
      "--save-probabilities", options->probabilities,
      "also write <case>.npz (probabilities, float32 [class, z, y, x]) and <case>.pkl, for `ensemble`");
  app.add_flag("--continue-prediction", options->skip_existing, "leave out cases whose files are there");
  app.add_option("--num-parts", options->parts, "split the cases among so many runs")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--part-id", options->part, "which part this run takes, from 0")->capture_default_str();
  app.footer(
      "Example:\n  swin-umamba predict -i imagesTs -o predictions -m results/Dataset004_Hippocampus/"
      "nnUNetTrainerSwinUMambaDScratch__nnUNetPlans__2d -f 0\n"
      "  swin-umamba predict -i imagesTs -o predictions -m model.seg");
  return [options] { run_predict(*options); };
}

}  // namespace seg
