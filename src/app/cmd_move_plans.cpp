// swin-umamba move-plans: copies plans from one preprocessed dataset to another.
#include <CLI/CLI.hpp>

#include <memory>

#include "app/command.h"
#include "app/options.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "data/dataset.h"
#include "data/plan.h"
#include "image/image_io.h"

namespace seg {
namespace {

struct MoveOptions {
  DataFolders folders;
  std::string from, to, plans = "nnUNetPlans", as;
};

void run_move(const MoveOptions& options) {
  const fs::path source = find_dataset(options.folders.preprocessed, options.from);
  const fs::path file = source / (options.plans + ".json");
  if (!fs::exists(file)) fail("{} does not exist", file.string());
  Json plans = read_json(file);
  plan_from_json(plans, file.string());  // refuses what is not plans
  const Dataset dataset = open_dataset(find_dataset(options.folders.raw, options.to));
  const fs::path target = options.folders.preprocessed / dataset.info.name;
  make_folder(target);
  const std::string name = options.as.empty() ? options.plans : options.as;
  plans["dataset_name"] = target.filename().string();
  plans["plans_name"] = name;
  const Vec3 spacing = read_image(dataset.training.front().images.front()).geometry.spacing;
  plans["image_reader_writer"] = reader_name(dataset.info.file_ending, spacing);
  for (auto& [key, configuration] : plans["configurations"].items()) {
    if (!configuration.contains("data_identifier")) continue;  // inherits it
    const auto identifier = get<std::string>(configuration, "data_identifier");
    if (identifier.starts_with(options.plans)) {
      configuration["data_identifier"] = name + identifier.substr(options.plans.size());
    } else if (name != options.plans) {
      configuration["data_identifier"] = name + "_" + identifier;
    }
  }
  write_text(target / "dataset.json", read_text(dataset.root / "dataset.json"));
  write_json(target / (name + ".json"), plans);
  note("next: swin-umamba preprocess -d {} --plans {}", target.filename().string(), name);
  fmt::print("{}\n", (target / (name + ".json")).string());
}

}  // namespace

Run declare_move_plans(CLI::App& app) {
  auto options = std::make_shared<MoveOptions>();
  app.add_option("--from", options->from, "dataset whose plans are taken")->required()->type_name("DATASET");
  app.add_option("--to", options->to, "dataset that gets them")->required()->type_name("DATASET");
  app.add_option("--plans", options->plans, "name of the plans")->capture_default_str()->type_name("NAME");
  app.add_option("--as", options->as, "their name there (default: the same)")->type_name("NAME");
  add_folder_options(app, options->folders, true, true, false);
  app.footer("Example:\n  swin-umamba move-plans --from 4 --to 5");
  return [options] { run_move(*options); };
}

}  // namespace seg
