#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>

#include "app/command.h"
#include "base/error.h"
#include "base/json.h"
#include "base/progress.h"
#include "base/threads.h"
#include "data/dataset.h"
#include "eval/pictures.h"
#include "image/image_io.h"

namespace seg {
namespace {

struct OverlayOptions {
  fs::path images, predictions, references, output;
};

void draw_case(const Case& files, const OverlayOptions& options, const DatasetInfo& info) {
  const std::string name = files.id + info.label_ending();
  const LoadedImage image = read_channels(files.images);
  const LoadedLabels prediction = read_labels(options.predictions / name);
  const auto check = [&](const LoadedLabels& labels, const fs::path& file) {
    check_same_grid(image.geometry, image.voxels.space(), files.images.front().string(), labels.geometry,
                    labels.voxels.space(), file.string());
  };
  check(prediction, options.predictions / name);
  LoadedLabels reference;
  if (!options.references.empty()) {
    reference = read_labels(options.references / name);
    check(reference, options.references / name);
  }
  std::vector<std::string> names;  // by label value
  for (const auto& label : info.labels) {
    if (label.values.size() != 1) continue;  // a region: its parts are drawn
    const auto value = static_cast<std::size_t>(label.values[0]);
    names.resize(std::max(names.size(), value + 1));
    names[value] = label.name;
  }
  draw_overlay(options.output / (files.id + ".png"), image.voxels,
               options.references.empty() ? nullptr : &reference.voxels, prediction.voxels, names, files.id,
               image.geometry.spacing[1] / image.geometry.spacing[2]);
}

void run_overlay(const OverlayOptions& options) {
  fs::path json = options.predictions / "dataset.json";
  if (!fs::exists(json))
    json = fs::absolute(options.predictions / "").parent_path().parent_path() / "dataset.json";
  const DatasetInfo info =
      parse_dataset_info(read_json(json), options.predictions.filename().string(), json.string());
  const auto cases = list_cases(options.images, info.channel_names.size(), info.file_ending);
  make_folder(options.output);
  {
    Progress progress("overlay", static_cast<std::int64_t>(cases.size()), "cases");
    parallel_for(static_cast<std::int64_t>(cases.size()), [&](std::int64_t i) {
      draw_case(cases[static_cast<std::size_t>(i)], options, info);
      progress.advance();
    });
  }
  fmt::print("{}\n", options.output.string());
}

}  // namespace

Run declare_overlay(CLI::App& app) {
  auto options = std::make_shared<OverlayOptions>();
  app.add_option("-i,--images", options->images, "folder of images")->required()->type_name("FOLDER");
  app.add_option("-p,--predictions", options->predictions,
                 "folder of labels with a dataset.json in or beside it, such as `predict` writes")
      ->required()
      ->type_name("FOLDER");
  app.add_option("-l,--labels", options->references, "folder of reference labels")->type_name("FOLDER");
  app.add_option("-o,--output", options->output, "folder for one PNG per case")
      ->required()
      ->type_name("FOLDER");
  app.footer("Example:\n  swin-umamba overlay -i imagesTs -l labelsTs -p predictions -o overlays");
  return [options] { run_overlay(*options); };
}

}  // namespace seg
