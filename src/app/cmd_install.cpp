// swin-umamba install: a model from nnU-Net's zip archive into the results folder.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <memory>

#include "app/command.h"
#include "app/options.h"
#include "weights/model_zip.h"

namespace seg {
namespace {

struct InstallOptions {
  fs::path zip;
  DataFolders folders;
  bool force = false;
};

void run_install(const InstallOptions& options) {
  for (const auto& model : install_model_zip(options.zip, options.folders.results, options.force))
    fmt::print("{}\n", model.string());
}

}  // namespace

Run declare_install(CLI::App& app) {
  auto options = std::make_shared<InstallOptions>();
  app.add_option("zip", options->zip, "archive that nnU-Net's export or `export --nnunet-zip` wrote")
      ->required()
      ->type_name("FILE");
  app.add_flag("--force", options->force, "replace a model that is there already");
  add_folder_options(app, options->folders, false, false, true);
  app.footer("Prints the folders of the models, for predict -m.\nExample:\n  swin-umamba install model.zip");
  return [options] { run_install(*options); };
}

}  // namespace seg
