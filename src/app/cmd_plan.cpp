// swin-umamba plan: measures a raw dataset and plans how to train on it.
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>

#include "app/command.h"
#include "app/options.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "data/doctor.h"
#include "data/fingerprint.h"
#include "data/plan.h"

namespace seg {
namespace {

struct PlanOptions {
  DataFolders folders;
  std::string dataset;
  bool no_check = false;
};

/// Tells all problems of the dataset; Error where one is in the way.
void check_dataset(const fs::path& root) {
  const Diagnosis diagnosis = diagnose(root);
  const std::size_t errors = diagnosis.count(Severity::error);
  for (const Finding& finding : diagnosis.findings) warn("{}: {}", finding.file, finding.problem);
  if (errors == 0) return;
  throw Error(
      fmt::format("{}: {} problem{} must be solved first", root.string(), errors, errors == 1 ? "" : "s"),
      "swin-umamba doctor explains and repairs; --no-check plans all the same");
}

std::string_view in_words(Normalization kind) {
  switch (kind) {
    case Normalization::zscore:
      return "z-score";
    case Normalization::ct:
      return "CT window, then z-score of the dataset";
    case Normalization::none:
      return "none";
    case Normalization::rescale_0_1:
      return "rescaled to 0..1";
    case Normalization::rgb_to_0_1:
      return "0..255 to 0..1";
  }
  return "";
}

void print_summary(const DatasetInfo& info, const Fingerprint& fingerprint, const Plan& plan) {
  const Configuration& c = plan.configuration("2d");
  fmt::print("{}: {} training cases, {}\n", info.name, fingerprint.spacings.size(),
             info.has_regions() ? fmt::format("{} regions", info.foreground().size())
                                : fmt::format("{} foreground classes", info.foreground().size()));
  fmt::print("median image    {} voxels of {:.4g} mm, slices across axis {} (z 0, y 1, x 2)\n",
             fmt::join(plan.median_shape, " x "), fmt::join(plan.median_spacing, " x "),
             plan.transpose_forward[0]);
  fmt::print("2d              patch {} of {:.4g} mm, batch size {}\n", fmt::join(c.patch_size, " x "),
             fmt::join(c.spacing, " x "), c.batch_size);
  for (std::size_t channel = 0; channel < info.channel_names.size(); ++channel) {
    fmt::print("{:<15} {} ({}){}\n", channel == 0 ? "normalisation" : "", in_words(c.normalization[channel]),
               info.channel_names[channel],
               c.use_mask_for_norm[channel] ? ", inside the nonzero region" : "");
  }
}

void run_plan(const PlanOptions& options) {
  const fs::path root = find_dataset(options.folders.raw, options.dataset);
  if (!options.no_check) check_dataset(root);
  const Dataset dataset = open_dataset(root);
  const Fingerprint fingerprint = compute_fingerprint(dataset);
  const Plan plan = make_plan(fingerprint, dataset.info);
  const fs::path folder = options.folders.preprocessed / dataset.info.name;
  make_folder(folder);
  write_text(folder / "dataset.json", read_text(dataset.root / "dataset.json"));
  write_json(folder / "dataset_fingerprint.json", to_json(fingerprint));
  write_json(folder / "nnUNetPlans.json", to_json(plan));
  print_summary(dataset.info, fingerprint, plan);
  note("written to {}; next: swin-umamba preprocess -d {}", folder.string(), options.dataset);
}

}  // namespace

Run declare_plan(CLI::App& app) {
  auto options = std::make_shared<PlanOptions>();
  add_dataset_option(app, options->dataset);
  add_folder_options(app, options->folders, true, true, false);
  app.add_flag("--no-check", options->no_check, "do not check the dataset first (see swin-umamba doctor)");
  app.footer(
      "Writes dataset_fingerprint.json, nnUNetPlans.json and dataset.json.\n"
      "Example:\n  swin-umamba plan -d 4 --raw data/raw --preprocessed data/preprocessed");
  return [options] { run_plan(*options); };
}

}  // namespace seg
