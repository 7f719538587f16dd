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
  std::string dataset, plans = "nnUNetPlans", only;
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

/// Other plans get other folders of preprocessed cases.
Plan named_plan(Plan plan, const std::string& name) {
  plan.plans_name = name;
  for (auto& configuration : plan.configurations)
    configuration.data_identifier = name + "_" + configuration.name;
  return plan;
}

void run_plan(const PlanOptions& options) {
  const fs::path root = find_dataset(options.folders.raw, options.dataset);
  if (!options.no_check && options.only != "plans") check_dataset(root);
  const Dataset dataset = open_dataset(root);
  const fs::path folder = options.folders.preprocessed / dataset.info.name;
  const fs::path measured = folder / "dataset_fingerprint.json";
  const Fingerprint fingerprint = options.only == "plans"
                                      ? fingerprint_from_json(read_json(measured), measured.string())
                                      : compute_fingerprint(dataset);
  make_folder(folder);
  write_text(folder / "dataset.json", read_text(dataset.root / "dataset.json"));
  write_json(measured, to_json(fingerprint));
  if (options.only == "fingerprint") return note("written to {}", measured.string());
  const Plan plan = named_plan(make_plan(fingerprint, dataset.info), options.plans);
  write_json(folder / (options.plans + ".json"), to_json(plan));
  print_summary(dataset.info, fingerprint, plan);
  note("written to {}; next: swin-umamba preprocess -d {}", folder.string(), options.dataset);
}

}  // namespace

Run declare_plan(CLI::App& app) {
  auto options = std::make_shared<PlanOptions>();
  add_dataset_option(app, options->dataset);
  app.add_option("--plans", options->plans, "name of the plans")->capture_default_str()->type_name("NAME");
  app.add_option("--only", options->only,
                 "fingerprint: measure but do not plan; plans: plan with what was measured before")
      ->check(CLI::IsMember({"fingerprint", "plans"}));
  add_folder_options(app, options->folders, true, true, false);
  app.add_flag("--no-check", options->no_check, "do not check the dataset first (see swin-umamba doctor)");
  app.footer(
      "Writes dataset_fingerprint.json, nnUNetPlans.json and dataset.json.\n"
      "Example:\n  swin-umamba plan -d 4 --raw data/raw --preprocessed data/preprocessed");
  return [options] { run_plan(*options); };
}

}  // namespace seg
