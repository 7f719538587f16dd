#include <CLI/CLI.hpp>

#include <cstdio>
#include <map>
#include <memory>
#include <string>

#include "app/command.h"
#include "base/error.h"
#include "base/log.h"
#include "data/convert.h"

namespace seg {
namespace {

struct ConvertOptions {
  std::string kind, name, boundary = "inner";
  fs::path input, output;
};

const std::map<std::string, BoundaryRule> kBoundaryRules{{"inner", BoundaryRule::inner},
                                                         {"challenge", BoundaryRule::challenge}};

/// Names as in the paper's code; a task of the decathlon has its own.
const std::map<std::string, std::string> kNames{{"amos-mr", "Dataset702_AbdomenMR"},
                                                {"endovis17", "Dataset704_Endovis17"},
                                                {"msd", ""},
                                                {"neurips-cell", "Dataset703_NeurIPSCell"}};

ConvertedDataset convert(const ConvertOptions& options) {
  const std::string& name = options.name.empty() ? kNames.at(options.kind) : options.name;
  if (options.kind == "amos-mr") return convert_amos_mr(options.input, options.output, name);
  if (options.kind == "endovis17") return convert_endovis17(options.input, options.output, name);
  if (options.kind == "msd") return convert_msd(options.input, options.output, name);
  return convert_neurips_cell(options.input, options.output, name, kBoundaryRules.at(options.boundary));
}

}  // namespace

Run declare_convert(CLI::App& app) {
  auto options = std::make_shared<ConvertOptions>();
  app.add_option("kind", options->kind, "what the input is: amos-mr, endovis17, msd or neurips-cell")
      ->required()
      ->check(CLI::IsMember(kNames));
  app.add_option("input", options->input, "folder of the unpacked download")->required()->type_name("FOLDER");
  app.add_option("output", options->output, "folder of raw datasets")
      ->envname("nnUNet_raw")
      ->required()
      ->type_name("FOLDER");
  app.add_option("--name", options->name, "name of the new dataset (default: as in the paper)")
      ->type_name("NAME");
  const auto* boundary =
      app.add_option(
             "--boundary", options->boundary,
             "neurips-cell: boundary class, inner (thin, inside the cells) or challenge (grown by a pixel)")
          ->check(CLI::IsMember(kBoundaryRules))
          ->capture_default_str();
  app.footer(
      "amos-mr       amos_0507.nii.gz ... in imagesTr, imagesVa, imagesTs and labelsTr, labelsVa: MR scans, "
      "13 organs\n"
      "endovis17     instrument_dataset_<n> with left_frames and ground_truth: frames cut to 1280x1024, 7 "
      "types\n"
      "msd           Task04_Hippocampus and the like, with its dataset.json\n"
      "neurips-cell  images/ and labels/, perhaps below train/ and test/: cell numbers become three classes\n"
      "Example:\n  swin-umamba convert neurips-cell downloads/cells raw --boundary inner");
  return [options, boundary] {
    if (boundary->count() > 0 && options->kind != "neurips-cell")
      fail_usage("--boundary: only with neurips-cell, not {}", options->kind);
    const ConvertedDataset made = convert(*options);
    note("converted {} training and {} test images", made.training, made.test);
    std::printf("%s\n", made.root.c_str());
  };
}

}  // namespace seg
