#include <CLI/CLI.hpp>

#include <cstdio>
#include <map>
#include <memory>
#include <string>

#include "app/command.h"
#include "base/log.h"
#include "data/convert.h"

namespace seg {
namespace {

struct ConvertOptions {
  std::string kind, name = "Dataset703_NeurIPSCell", boundary = "inner";
  fs::path input, output;
};

const std::map<std::string, BoundaryRule> kBoundaryRules{{"inner", BoundaryRule::inner},
                                                         {"challenge", BoundaryRule::challenge}};

}  // namespace

Run declare_convert(CLI::App& app) {
  auto options = std::make_shared<ConvertOptions>();
  app.add_option("kind", options->kind, "layout of the input: neurips-cell")
      ->required()
      ->check(CLI::IsMember({"neurips-cell"}));
  app.add_option("input", options->input, "folder with images/ and labels/, perhaps below train/ and test/")
      ->required()
      ->type_name("FOLDER");
  app.add_option("output", options->output, "folder of raw datasets")
      ->envname("nnUNet_raw")
      ->required()
      ->type_name("FOLDER");
  app.add_option("--name", options->name, "name of the new dataset")->capture_default_str();
  app.add_option("--boundary", options->boundary,
                 "boundary class: inner (thin, inside the cells) or challenge (grown by a pixel)")
      ->check(CLI::IsMember(kBoundaryRules))
      ->capture_default_str();
  app.footer("Example:\n  swin-umamba convert neurips-cell downloads/cells raw --boundary inner");
  return [options] {
    const ConvertedDataset made = convert_neurips_cell(options->input, options->output, options->name,
                                                       kBoundaryRules.at(options->boundary));
    note("converted {} training and {} test images", made.training, made.test);
    std::printf("%s\n", made.root.c_str());
  };
}

}  // namespace seg
