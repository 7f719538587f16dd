// swin-umamba export: a model folder as one file, or as nnU-Net's zip archive.
#include <CLI/CLI.hpp>

#include <memory>

#include "app/command.h"
#include "app/libtorch.h"
#include "base/error.h"
#include "base/log.h"
#include "infer/model_export.h"

namespace seg {
namespace {

struct CliExportOptions {
  fs::path model, output;
  bool zip = false;
  std::string dtype = "float32";
  ExportOptions parts;
};

void run_export(CliExportOptions options) {
  options.parts.libtorch = libtorch().model;
  options.parts.convert_checkpoint = libtorch().convert_checkpoint;
  options.parts.half = options.dtype == "float16";
  if (options.zip && options.parts.half) fail_usage("--dtype float16 is not for --nnunet-zip");
  if (options.zip) {
    export_nnunet_zip(options.model, options.output, options.parts);
  } else {
    export_model_file(options.model, options.output, options.parts, "swin-umamba " SEG_VERSION);
  }
  note("{:.1f} MB", static_cast<double>(fs::file_size(options.output)) / 1e6);
  fmt::print("{}\n", options.output.string());
}

}  // namespace

Run declare_export(CLI::App& app) {
  auto options = std::make_shared<CliExportOptions>();
  app.add_option("-m,--model", options->model, "folder of a trained model")->required()->type_name("FOLDER");
  app.add_option("-o,--output", options->output, "the file to write")->required()->type_name("FILE");
  app.add_option("-f,--folds", options->parts.folds, "folds to export (default: all that are there)")
      ->type_name("FOLD");
  app.add_option("--checkpoint", options->parts.checkpoint, "final or best")->capture_default_str();
  app.add_option("--dtype", options->dtype,
                 "how weights are stored; float16 halves the file, predictions are computed in float32")
      ->capture_default_str()
      ->check(CLI::IsMember({"float32", "float16"}));
  app.add_flag("--nnunet-zip", options->zip,
               "write the zip archive that nnU-Net and `install` read, with training checkpoints as .pth");
  app.footer(
      "The file holds all that prediction needs, and the postprocessing that `crossval` found for its "
      "folds.\n"
      "Example:\n  swin-umamba export -m results/Dataset004_Hippocampus/"
      "nnUNetTrainerSwinUMambaDScratch__nnUNetPlans__2d -o model.seg\n"
      "  swin-umamba predict -m model.seg -i imagesTs -o predictions");
  return [options] { run_export(*options); };
}

}  // namespace seg
