#include <CLI/CLI.hpp>

#include <memory>

#include "app/command.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "image/image_io.h"
#include "net/threads.h"
#include "train/predictor.h"

namespace seg {
namespace {

struct CliPredictOptions {
  fs::path input, output, model;
  PredictOptions predict;
};

void run_predict(const CliPredictOptions& options) {
  apply_thread_count();
  const Predictor predictor(options.model, options.predict);
  const DatasetInfo& info = predictor.info();
  const auto cases = list_cases(options.input, info.channel_names.size(), info.file_ending);
  make_folder(options.output);
  write_text(options.output / "dataset.json", read_text(options.model / "dataset.json"));
  write_text(options.output / "plans.json", read_text(options.model / "plans.json"));
  note("{} cases, {} fold{}", cases.size(), predictor.folds(), predictor.folds() == 1 ? "" : "s");
  {
    Progress progress("predict", static_cast<std::int64_t>(cases.size()), "cases");
    for (const Case& files : cases) {
      const LoadedLabels labels = predictor.predict(files);
      write_labels(options.output / (files.id + info.file_ending), labels.voxels, labels.geometry);
      progress.advance();
    }
  }
  note("peak memory {:.0f} MiB", peak_memory_mib());
  fmt::print("{}\n", options.output.string());
}

}  // namespace

Run declare_predict(CLI::App& app) {
  auto options = std::make_shared<CliPredictOptions>();
  app.add_option("-i,--input", options->input, "folder of images named <case>_0000<ending>, ...")
      ->required()
      ->type_name("FOLDER");
  app.add_option("-o,--output", options->output, "folder for the segmentations")
      ->required()
      ->type_name("FOLDER");
  app.add_option("-m,--model", options->model, "folder of a trained model")->required()->type_name("FOLDER");
  app.add_option("-f,--folds", options->predict.folds, "folds to average (default: all that are there)")
      ->type_name("FOLD");
  app.add_option("--checkpoint", options->predict.checkpoint, "best, final, latest or a file")
      ->capture_default_str();
  app.add_flag("--tta", options->predict.mirror, "average over mirrored images (4x the time)");
  app.add_option("--step-size", options->predict.step_size, "distance of tiles as a share of the patch")
      ->capture_default_str()
      ->check(CLI::Range(0.05, 1.0));
  app.footer(
      "Example:\n  swin-umamba predict -i imagesTs -o predictions -m results/Dataset004_Hippocampus/"
      "nnUNetTrainerSwinUMambaDScratch__nnUNetPlans__2d -f 0");
  return [options] { run_predict(*options); };
}

}  // namespace seg
