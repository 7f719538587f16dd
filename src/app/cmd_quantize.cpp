// swin-umamba quantize: a model file with its layers in int8, checked against the model it was made from.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <atomic>
#include <memory>

#include "app/command.h"
#include "app/libtorch.h"
#include "base/error.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/scratch_folder.h"
#include "eval/summary.h"
#include "infer/model_export.h"
#include "infer/prediction_files.h"
#include "infer/quantize.h"

namespace seg {
namespace {

constexpr double kLeastAgreement = 0.99;
constexpr const char* kProgram = "swin-umamba " SEG_VERSION;

struct QuantizeOptions {
  fs::path model, images, labels, output;
  std::vector<std::string> folds;
  std::string checkpoint = "final";
};

/// Every case's labels as <case><ending> in a folder.
void predict_all(const char* what, const Predictor& predictor, const std::vector<Case>& cases,
                 const fs::path& folder) {
  make_folder(folder);
  const std::string ending = predictor.info().label_ending();
  Progress progress(what, static_cast<std::int64_t>(cases.size()), "cases");
  for (const Case& files : cases) {
    const auto predicted = predictor.predict(files);
    write_prediction(folder / (files.id + ending), ending, predicted.prediction, predicted.properties);
    progress.advance();
  }
}

/// The share of pixels with the same label in both folders.
double agreement_of(const fs::path& one, const fs::path& other, const std::string& ending) {
  const auto pairs = pair_files(one, other, ending, false);
  std::atomic<std::uint64_t> same = 0, all = 0;
  for_each_pair("compare", pairs, [&](std::size_t, const LabelPair& pair) {
    const auto &a = pair.reference.voxels.data, &b = pair.prediction.voxels.data;
    std::uint64_t equal = 0;
    for (std::size_t i = 0; i < a.size(); ++i) equal += a[i] == b[i] ? 1 : 0;
    same += equal;
    all += a.size();
  });
  return static_cast<double>(same) / static_cast<double>(all);
}

double dice_of(const fs::path& references, const fs::path& predictions, const DatasetInfo& info) {
  return evaluate_pairs(pair_predictions(references, predictions, info.label_ending()), info)
      .foreground_mean_dice();
}

/// The model as a file, which it is or becomes.
fs::path as_file(const QuantizeOptions& options, const fs::path& scratch) {
  if (!fs::is_directory(options.model)) return options.model;
  fs::path file = scratch / "float32.seg";
  export_model_file(options.model, file,
                    {.folds = options.folds, .checkpoint = options.checkpoint, .libtorch = libtorch().model},
                    kProgram);
  return file;
}

void run_quantize(const QuantizeOptions& options) {
  const ScratchFolder scratch(options.output);
  const fs::path float_folder = scratch.path() / "float32", int8_folder = scratch.path() / "int8";
  const fs::path model = as_file(options, scratch.path()), int8_model = scratch.path() / "int8.seg";
  check_quantizable(model);
  std::vector<engine::Calibration> calibrations;
  DatasetInfo info;
  std::vector<Case> cases;
  {
    const Predictor predictor(model, {.postprocess = false, .calibrations = &calibrations});
    info = predictor.info();
    cases = list_cases(options.images, info.channel_names.size(), info.file_ending);
    predict_all("calibrate", predictor, cases, float_folder);
  }
  const std::size_t layers = write_int8_model(model, calibrations, int8_model, kProgram);
  predict_all("predict in int8", Predictor(int8_model, {.postprocess = false}), cases, int8_folder);

  const double agreement = agreement_of(float_folder, int8_folder, info.label_ending());
  note("{} layers in int8; {:.3f} % of the pixels of {} cases have the label that they had in float32",
       layers, 100 * agreement, cases.size());
  if (!options.labels.empty()) {
    const double before = dice_of(options.labels, float_folder, info);
    const double after = dice_of(options.labels, int8_folder, info);
    note("mean Dice {:.4f} in float32, {:.4f} in int8 ({:+.4f})", before, after, after - before);
  }
  if (agreement < kLeastAgreement) {
    throw Error(
        fmt::format("int8 changes too much: expected at least {:.0f} % of the pixels to keep their label, "
                    "got {:.2f} %; {} is not written",
                    100 * kLeastAgreement, 100 * agreement, options.output.string()),
        "calibrate with more images, such as the model will be given, or stay with float32");
  }
  move_file(int8_model, options.output);
  note("{:.1f} MB", static_cast<double>(fs::file_size(options.output)) / 1e6);
  fmt::print("{}\n", options.output.string());
}

}  // namespace

Run declare_quantize(CLI::App& app) {
  auto options = std::make_shared<QuantizeOptions>();
  app.add_option("-m,--model", options->model, "folder of a trained model, or a file that `export` wrote")
      ->required()
      ->check(CLI::ExistingPath)
      ->type_name("MODEL");
  app.add_option("-i,--images", options->images,
                 "folder of images named <case>_0000<ending>, ..., such as the model will be given")
      ->required()
      ->type_name("FOLDER");
  app.add_option("-l,--labels", options->labels, "folder of their labels: prints Dice before and after")
      ->check(CLI::ExistingDirectory)
      ->type_name("FOLDER");
  app.add_option("-o,--output", options->output, "the file to write")->required()->type_name("FILE");
  app.add_option("-f,--folds", options->folds, "folds of a model folder (default: all that are there)")
      ->type_name("FOLD");
  app.add_option("--checkpoint", options->checkpoint, "of a model folder: final or best")
      ->capture_default_str();
  app.footer(
      "Convolutions and linear layers become int8, with a scale for every output channel; the images tell\n"
      "the scales of their inputs. The result is written only if it gives 99 % of these images' pixels the\n"
      "label that they had. It runs on the engine only.\n"
      "Example:\n  swin-umamba quantize -m model.seg -i imagesTr -l labelsTr -o model-int8.seg\n"
      "  swin-umamba predict -m model-int8.seg -i imagesTs -o predictions");
  return [options] { run_quantize(*options); };
}

}  // namespace seg
