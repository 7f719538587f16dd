// swin-umamba evaluate: scores of predictions against references.
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>

#include "app/command.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/suggest.h"
#include "eval/protocols.h"
#include "eval/summary.h"
#include "image/image_io.h"

namespace seg {
namespace {

constexpr std::size_t kMaxCasesShown = 40;
constexpr double kNsdTolerance = 2;  // mm
constexpr const char* kNnunet = "nnunet";

struct Options {
  fs::path references, predictions, output, csv, statistics, dataset_json;
  std::string protocol = kNnunet;
  std::vector<std::string> metrics, nsd_tolerances;
  std::vector<double> iou_thresholds;
  bool skip_missing = false, all_cases = false, count_boundary_cells = false;
  std::optional<double> fail_under;
  std::vector<int> labels;
  std::optional<int> ignore_label;
};

/// Options that would be ignored are mistakes.
void check_options(const Options& options) {
  struct Row {
    bool given;
    const char* name;
    std::vector<std::string_view> protocols;
  };
  const Row rows[]{{!options.metrics.empty(), "--metrics", {kNnunet}},
                   {!options.csv.empty(), "--csv", {kNnunet}},
                   {!options.labels.empty(), "--labels", {kNnunet}},
                   {!options.dataset_json.empty(), "--dataset-json", {kNnunet, "abdomen-mr"}},
                   {!options.nsd_tolerances.empty(), "--nsd-tolerance", {kNnunet, "abdomen-mr", "endoscopy"}},
                   {!options.iou_thresholds.empty(), "--iou-threshold", {kNnunet, "cells"}},
                   {options.iou_thresholds.size() > 1, "several --iou-threshold", {"cells"}},
                   {options.count_boundary_cells, "--count-boundary-cells", {"cells"}},
                   {options.nsd_tolerances.size() > 1, "several --nsd-tolerance", {kNnunet, "abdomen-mr"}}};
  for (const Row& row : rows) {
    if (row.given && std::ranges::find(row.protocols, options.protocol) == row.protocols.end())
      fail_usage("{}: only with --protocol {}, not {}", row.name, fmt::join(row.protocols, " or "),
                 options.protocol);
  }
}

/// dataset.json as given, or in the predictions, or beside one of the two folders.
fs::path find_dataset_json(const Options& options) {
  if (!options.dataset_json.empty()) return options.dataset_json;
  const auto parent = [](const fs::path& folder) {
    return fs::absolute(folder / "").parent_path().parent_path();
  };
  const std::vector<fs::path> places{options.predictions, parent(options.predictions),
                                     parent(options.references)};
  for (const auto& place : places) {
    if (fs::exists(place / "dataset.json")) return place / "dataset.json";
  }
  throw Error(fmt::format("no dataset.json in {}, {} or {}", places[0].string(), places[1].string(),
                          places[2].string()),
              "name it with --dataset-json FILE");
}

/// Labels by number, for folders without a dataset.json; the references tell the file ending.
DatasetInfo info_of_labels(const Options& options) {
  DatasetInfo info;
  for (const auto& ending : kImageEndings) {
    if (info.file_ending.empty() && !list_files(options.references, std::string(ending)).empty())
      info.file_ending = ending;
  }
  if (info.file_ending.empty()) fail("{}: no images", options.references.string());
  info.labels.push_back({"background", {0}});
  for (const int label : options.labels) {
    if (label != 0) info.labels.push_back({std::to_string(label), {label}});
  }
  if (options.ignore_label) info.labels.push_back({"ignore", {*options.ignore_label}});
  return info;
}

double parse_tolerance(const std::string& text) {
  std::size_t end = 0;
  double value = -1;
  try {
    value = std::stod(text, &end);
  } catch (const std::exception&) {
    end = 0;
  }
  if (end != text.size() || !(value >= 0))
    fail_usage("--nsd-tolerance: expected millimetres such as 2 or liver=5,tumour=2, got \"{}\"", text);
  return value;
}

/// One number for all labels, and LABEL=MM for single ones; the others keep their default.
std::vector<double> label_tolerances(const std::vector<std::string>& texts,
                                     const std::vector<LabelEntry>& labels, std::vector<double> tolerances) {
  std::vector<std::string> names;
  for (const auto& label : labels) names.push_back(label.name);
  for (const auto& text : texts) {
    const auto equals = text.rfind('=');
    if (equals == std::string::npos) {
      std::fill(tolerances.begin(), tolerances.end(), parse_tolerance(text));
      continue;
    }
    const auto found = std::find(names.begin(), names.end(), text.substr(0, equals));
    if (found == names.end()) fail_unknown("label", text.substr(0, equals), names);
    tolerances[static_cast<std::size_t>(found - names.begin())] = parse_tolerance(text.substr(equals + 1));
  }
  return tolerances;
}

/// Written so that NaN fails as well.
void check_score(const Options& options, const std::string& what, double score) {
  if (options.fail_under && !(score >= *options.fail_under))
    fail("{}: expected at least {}, got {:.4f}", what, *options.fail_under, score);
}

bool show_cases(const Options& options, std::size_t cases) {
  if (options.all_cases || cases <= kMaxCasesShown) return true;
  note("{} cases; --all-cases lists each", cases);
  return false;
}

void write_and_say(const fs::path& path, const std::string& text) {
  write_text(path, text);
  note("wrote {}", path.string());
}

/// Statistics of the tables as JSON, or CSV where the file's name says so.
void write_statistics(const Options& options, const std::vector<ScoreTable>& tables) {
  if (options.statistics.empty()) return;
  const bool csv = options.statistics.extension() == ".csv";
  write_and_say(options.statistics, csv ? statistics_csv(tables) : to_text(statistics_json(tables)) + "\n");
}

void run_nnunet(const Options& options) {
  const DatasetInfo info =
      options.labels.empty() ? read_dataset_info(find_dataset_json(options)) : info_of_labels(options);
  EvaluationSettings settings;
  for (const auto& name : options.metrics) {
    const Metric& metric = find_metric(name);
    auto& extra = settings.extra_metrics;
    if (!metric.in_summary && std::find(extra.begin(), extra.end(), &metric) == extra.end())
      extra.push_back(&metric);
  }
  const auto asked = [&](const char* name) {
    return std::ranges::find(settings.extra_metrics, &find_metric(name)) != settings.extra_metrics.end();
  };
  if (!options.nsd_tolerances.empty() && !asked("NSD"))
    fail_usage("--nsd-tolerance: only with --metrics NSD");
  if (!options.iou_thresholds.empty() && !asked("F1")) fail_usage("--iou-threshold: only with --metrics F1");
  const auto labels = info.foreground();
  settings.nsd_tolerances =
      label_tolerances(options.nsd_tolerances, labels, std::vector<double>(labels.size(), kNsdTolerance));
  if (!options.iou_thresholds.empty()) settings.iou_threshold = options.iou_thresholds.front();
  const auto pairs =
      pair_files(options.references, options.predictions, info.label_ending(), options.skip_missing);
  const Summary summary = evaluate_pairs(pairs, info, settings);
  fmt::print("{}", to_table(summary, show_cases(options, summary.cases.size())));
  if (!options.output.empty()) {
    write_summary(options.output, summary);
    note("wrote {}", options.output.string());
  }
  if (!options.csv.empty()) write_and_say(options.csv, to_csv(summary));
  write_statistics(options, score_tables(summary));
  check_score(options, "mean foreground Dice", summary.foreground_mean_dice());
}

/// The scripts' 13 organs with their tolerances, or those of --dataset-json with ours.
void set_labels(const Options& options, ProtocolSettings& settings) {
  std::vector<double> tolerances;
  if (options.dataset_json.empty()) {
    for (const auto& organ : protocol_organs()) {
      settings.labels.push_back({organ.name, {static_cast<int>(settings.labels.size()) + 1}});
      tolerances.push_back(organ.nsd_tolerance);
    }
  } else {
    settings.labels = read_dataset_info(options.dataset_json).foreground();
    tolerances.assign(settings.labels.size(), kNsdTolerance);
  }
  settings.nsd_tolerances = label_tolerances(options.nsd_tolerances, settings.labels, std::move(tolerances));
}

void run_protocol(const Options& options, const Protocol& protocol) {
  ProtocolSettings settings{.references = options.references,
                            .predictions = options.predictions,
                            .skip_missing = options.skip_missing,
                            .count_boundary_cells = options.count_boundary_cells};
  if (!options.iou_thresholds.empty()) settings.iou_thresholds = options.iou_thresholds;
  if (protocol.has_labels) {
    set_labels(options, settings);
  } else if (!options.nsd_tolerances.empty()) {
    settings.nsd_tolerances = {parse_tolerance(options.nsd_tolerances.back())};
  }
  const ProtocolReport report = protocol.run(settings);
  const bool per_case = show_cases(options, report.tables.front().cases.size());
  for (auto table = report.tables.rbegin(); table != report.tables.rend(); ++table) {  // the first score last
    if (table != report.tables.rbegin()) fmt::print("\n");
    if (per_case) fmt::print("{}\n", cases_text(*table));
    fmt::print("{}", statistics_text(*table));
  }
  write_statistics(options, report.tables);
  fs::path base = options.output;
  if (base.extension() == ".csv") base.replace_extension();
  for (const auto& file : report.files) {
    if (!base.empty()) write_and_say(base.string() + file.suffix, file.text);
  }
  check_score(options, "mean " + report.tables.front().metric, report.tables.front().overall);
}

void run(const Options& options) {
  for (const auto& folder : {options.references, options.predictions}) {
    if (!fs::is_directory(folder)) fail_usage("folder {} does not exist", folder.string());
  }
  std::vector<std::string> names{kNnunet};
  for (const auto& protocol : all_protocols()) names.emplace_back(protocol.name);
  if (std::ranges::find(names, options.protocol) == names.end())
    fail_unknown("protocol", options.protocol, names);
  check_options(options);
  if (options.protocol == kNnunet) return run_nnunet(options);
  for (const auto& protocol : all_protocols())
    if (options.protocol == protocol.name) run_protocol(options, protocol);
}

/// What the metrics mean and where the protocols surprise.
std::string explanations() {
  std::string text = "Metrics (--metrics takes those that nnU-Net does not have):\n";
  for (const auto& metric : all_metrics())
    text += fmt::format("  {:7} {}{}\n", metric.name, metric.help, metric.in_summary ? "" : " *");
  text +=
      "  * only with --metrics. Surfaces lie between voxels, as marching cubes draws them; in pictures they "
      "are\n"
      "    lines. Empty on both sides: no number; on one side: Dice, IoU, NSD and F1 are 0, distances "
      "infinite.\n"
      "\nProtocols, number for number as the paper's scripts:\n"
      "  nnunet: Dice and IoU per label of dataset.json. A label that neither file has is left out of its "
      "mean;\n"
      "  where no case has it, the foreground mean is NaN. The ignore label is left out of both files.\n";
  for (const auto& protocol : all_protocols())
    text += fmt::format("  {}: {}\n", protocol.name, protocol.quirks);
  return text;
}

}  // namespace

Run declare_evaluate(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("references", options->references, "folder of reference label images")
      ->required()
      ->type_name("GT");
  app.add_option("predictions", options->predictions, "folder of predicted label images with the same names")
      ->required()
      ->type_name("PRED");
  app.add_option("-o,--output", options->output,
                 "write nnU-Net's summary.json here; with another protocol the CSV files BASE_DSC.csv, ...")
      ->type_name("FILE|BASE");
  app.add_option("--protocol", options->protocol, "nnunet, abdomen-mr, endoscopy or cells (explained below)")
      ->capture_default_str()
      ->type_name("NAME");
  app.add_option("--metrics", options->metrics, "further metrics, such as NSD,HD95 (listed below)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("NAME,...");
  app.add_option("--nsd-tolerance", options->nsd_tolerances,
                 "NSD tolerance in mm for all labels, or LABEL=MM,... (default: 2, or the protocol's)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("MM");
  app.add_option("--iou-threshold", options->iou_thresholds,
                 "IoU from which an object counts as found (default: 0.5); several for --protocol cells")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(0.01, 1.0))
      ->type_name("IOU,...");
  app.add_flag("--count-boundary-cells", options->count_boundary_cells,
               "--protocol cells: keep cells that touch the picture's frame");
  app.add_option("--csv", options->csv, "write every metric of every case and label here")->type_name("FILE");
  app.add_option(
         "--statistics", options->statistics,
         "write what the tables show here, as .json or .csv: mean, 95 % interval, median and the worst "
         "cases of every metric and label")
      ->type_name("FILE");
  app.add_option("--dataset-json", options->dataset_json,
                 "labels and file ending (default: dataset.json in PRED, beside it, or beside GT)")
      ->type_name("FILE");
  app.add_option("--labels", options->labels, "label values to score, instead of dataset.json")
      ->excludes("--dataset-json")
      ->check(CLI::Range(0, 65535));
  app.add_option("--ignore-label", options->ignore_label, "label value whose voxels are left out")
      ->needs("--labels")
      ->check(CLI::Range(0, 65535));
  app.add_flag("--skip-missing", options->skip_missing, "score only references that have a prediction");
  app.add_flag("--all-cases", options->all_cases,
               fmt::format("list every case, also when there are more than {}", kMaxCasesShown));
  app.add_option("--fail-under", options->fail_under,
                 "exit with 1 when the mean foreground Dice (the protocol's first score) is lower")
      ->check(CLI::Range(0.0, 1.0));
  app.footer(
      explanations() +
      "\nExamples:\n"
      "  swin-umamba evaluate Dataset004_Hippocampus/labelsTs predictions -o summary.json\n"
      "  swin-umamba evaluate labelsTs predictions --metrics NSD,HD95 --nsd-tolerance 1 --csv scores.csv\n"
      "  swin-umamba evaluate labelsTs predictions --protocol abdomen-mr -o scores");
  return [options] { run(*options); };
}

}  // namespace seg
