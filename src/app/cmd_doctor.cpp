// swin-umamba doctor: finds what is wrong with a raw dataset, and repairs what can be repaired safely.
#include <CLI/CLI.hpp>

#include <memory>

#include "app/command.h"
#include "app/options.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "data/dataset.h"
#include "data/doctor.h"

namespace seg {
namespace {

struct DoctorOptions {
  std::string dataset;
  fs::path raw, output;
  bool json = false, fix = false;
};

void print_findings(const Diagnosis& diagnosis) {
  std::size_t width = 0;
  for (const Finding& finding : diagnosis.findings) width = std::max(width, finding.file.size());
  for (const Finding& finding : diagnosis.findings) {
    fmt::print("{:<7}  {:<{}}  {}\n", finding.severity == Severity::error ? "error" : "warning", finding.file,
               width, finding.problem);
    if (!finding.repair.empty()) fmt::print("{:<{}}  --fix: {}\n", "", width + 9, finding.repair);
  }
  fmt::print("{}: {} training cases, {} errors, {} warnings\n", diagnosis.root.string(), diagnosis.cases,
             diagnosis.count(Severity::error), diagnosis.count(Severity::warning));
}

void run_doctor(const DoctorOptions& options) {
  const fs::path root = fs::is_directory(options.dataset) ? fs::path(options.dataset)
                        : options.raw.empty()
                            ? throw Error(fmt::format("folder {} does not exist", options.dataset),
                                          "give a dataset's folder, or its id or name with --raw")
                            : find_dataset(options.raw, options.dataset);
  Diagnosis diagnosis = diagnose(root);
  if (options.fix) {
    repair_dataset(diagnosis, options.output);
    for (const Finding& finding : diagnosis.findings)
      note("{}: {}: {}", finding.file, finding.problem,
           finding.repair.empty() ? "not repaired" : finding.repair);
    diagnosis = diagnose(options.output);
    note("the repaired copy is {}; what is left of the problems:", options.output.string());
  }
  if (options.json) {
    fmt::print("{}\n", to_text(to_json(diagnosis)));
  } else {
    print_findings(diagnosis);
  }
  std::fflush(stdout);
  const auto repairable = std::count_if(diagnosis.findings.begin(), diagnosis.findings.end(),
                                        [](const Finding& finding) { return !finding.repair.empty(); });
  if (const std::size_t errors = diagnosis.count(Severity::error); errors > 0) {
    throw Error(
        fmt::format("{}: {} problem{} must be solved before training", diagnosis.root.string(), errors,
                    errors == 1 ? "" : "s"),
        repairable > 0 ? "--fix -o NEW writes a copy in which those that have a repair are solved" : "");
  }
}

}  // namespace

Run declare_doctor(CLI::App& app) {
  auto options = std::make_shared<DoctorOptions>();
  app.add_option("dataset", options->dataset, "folder of a raw dataset, or with --raw its id or name")
      ->required()
      ->type_name("DATASET");
  app.add_option("--raw", options->raw, "raw datasets")->envname("nnUNet_raw")->type_name("FOLDER");
  app.add_flag("--json", options->json, "print the findings as JSON");
  auto* fix = app.add_flag("--fix", options->fix, "write a repaired copy; the dataset itself is not touched");
  auto* output =
      app.add_option("-o,--output", options->output, "folder of the repaired copy")->type_name("FOLDER");
  fix->needs(output);
  output->needs(fix);
  app.footer(
      "Ends with 0 where training may start, with 1 where an error is left.\n"
      "Example:\n  swin-umamba doctor raw/Dataset004_Hippocampus --fix -o raw/Dataset104_Repaired");
  return [options] { run_doctor(*options); };
}

}  // namespace seg
