#include "eval/protocols.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/log.h"
#include "base/threads.h"
#include "eval/label_masks.h"
#include "eval/statistics.h"

namespace seg {
namespace {

constexpr double kTolerance = 2;  // mm, or pixels of the endoscopy pictures

/// A number of the scripts: a column whose numbers are all Python integers is written without a point.
struct ScriptNumber {
  double value = 0;
  bool whole = false;
};

/// numpy.round to four decimals, which may differ from the nearest four-digit number in ties.
ScriptNumber rounded(const ScriptNumber& number) {
  return {std::nearbyint(number.value * 1e4) / 1e4, number.whole};
}

/// One column as pandas writes it.
std::vector<std::string> column_text(const std::vector<ScriptNumber>& column) {
  const bool whole = std::all_of(column.begin(), column.end(), [](const auto& n) { return n.whole; });
  std::vector<std::string> cells;
  for (const auto& number : column) {
    std::string text = std::isnan(number.value) ? "" : fmt::format("{}", number.value);
    const bool point = text.find_first_of(".en") != std::string::npos;  // "inf" has no point either
    cells.push_back(text.empty() || whole || point ? text : text + ".0");
  }
  return cells;
}

std::string csv_text(const std::vector<std::string>& header,
                     const std::vector<std::vector<std::string>>& columns) {
  std::string text = fmt::format("{}\n", fmt::join(header, ","));
  for (std::size_t row = 0; row < columns.front().size(); ++row) {
    for (std::size_t i = 0; i < columns.size(); ++i) text += (i == 0 ? "" : ",") + columns[i][row];
    text += "\n";
  }
  return text;
}

/// Mean of the columns' means; what is not defined is left out.
double mean_of_means(const ScoreTable& table) {
  std::vector<double> means;
  for (std::size_t label = 0; label < table.labels.size(); ++label)
    means.push_back(nan_mean(table.of_label(label)));
  return nan_mean(means);
}

std::vector<std::string> file_names(const std::vector<ScoredPair>& pairs) {
  std::vector<std::string> names;
  for (const auto& pair : pairs) names.push_back(pair.prediction.filename().string());
  return names;
}

std::vector<std::string> case_names(const std::vector<ScoredPair>& pairs) {
  std::vector<std::string> names;
  for (const auto& pair : pairs) names.push_back(case_name(pair.prediction));
  return names;
}

double dice_of(const MaskPair& masks) {
  OverlapScores scores;
  for (std::size_t i = 0; i < masks.reference.size(); ++i) {
    scores.tp += masks.reference[i] & masks.prediction[i];
    scores.fn += masks.reference[i] & (masks.prediction[i] ^ 1);
    scores.fp += masks.prediction[i] & (masks.reference[i] ^ 1);
  }
  return scores.dice();
}

/// Dice and NSD of one label, not rounded; 1 where neither has it, 0 where only the prediction has it.
struct PairScores {
  ScriptNumber dice, nsd;
};

PairScores score_label(const LabelCutter& cutter, const std::vector<int>& values, double tolerance,
                       bool labelled_slices_only) {
  VoxelBox box = cutter.box(values);
  const VoxelBox labelled = cutter.reference_box(values);
  if (box.empty()) return {{1, true}, {1, true}};
  if (labelled.empty()) return {{0, true}, {0, true}};
  if (labelled_slices_only) {
    box.from[0] = labelled.from[0];
    box.to[0] = labelled.to[0] - 1;  // the scripts lose the last labelled slice
  }
  if (box.empty()) return {{kNaN}, {kNaN}};
  MaskPair masks = cutter.cut(values, box);
  masks.picture = false;  // for the scripts a picture is a plate of one voxel
  return {{dice_of(masks)}, {surface_dice(surface_distances(masks), tolerance)}};
}

// ---- abdomen-mr ----

constexpr std::array<Organ, 13> kOrgans{{{"Liver", 5},
                                         {"RK", 3},
                                         {"Spleen", 3},
                                         {"Pancreas", 5},
                                         {"Aorta", 2},
                                         {"IVC", 2},
                                         {"RAG", 2},
                                         {"LAG", 2},
                                         {"Gallbladder", 2},
                                         {"Esophagus", 3},
                                         {"Stomach", 5},
                                         {"Duodenum", 7},
                                         {"LK", 3}}};
/// Positions in the list, from 1, of aorta, vena cava and oesophagus, whatever the names are.
constexpr std::array<std::size_t, 3> kTubes{5, 6, 10};

std::vector<LabelEntry> organ_labels() {
  std::vector<LabelEntry> labels;
  for (const auto& organ : kOrgans) labels.push_back({organ.name, {static_cast<int>(labels.size()) + 1}});
  return labels;
}

double organ_tolerance(const ProtocolSettings& settings, std::size_t label) {
  const auto& given = settings.nsd_tolerances;
  if (!given.empty()) return given.size() == 1 ? given.front() : given.at(label);
  return settings.labels.empty() ? kOrgans.at(label).nsd_tolerance : kTolerance;
}

/// Table and CSV of Dice or NSD.
void add_organ_scores(ProtocolReport& report, const std::string& metric, const std::vector<ScoredPair>& pairs,
                      const std::vector<LabelEntry>& labels,
                      const std::vector<std::vector<PairScores>>& scores, ScriptNumber PairScores::*member) {
  ScoreTable table{metric, true, {}, case_names(pairs), {}, "mean", 0};
  std::vector<std::string> header{"Name"};
  std::vector<std::vector<std::string>> columns{file_names(pairs)};
  table.values.resize(pairs.size());
  for (std::size_t label = 0; label < labels.size(); ++label) {
    std::vector<ScriptNumber> column;
    for (const auto& row : scores) column.push_back(rounded(row[label].*member));
    for (std::size_t i = 0; i < pairs.size(); ++i) table.values[i].push_back(column[i].value);
    table.labels.push_back(labels[label].name);
    header.push_back(labels[label].name + "_" + metric);
    columns.push_back(column_text(column));
  }
  table.overall = mean_of_means(table);
  report.tables.push_back(std::move(table));
  report.files.push_back({"_" + metric + ".csv", csv_text(header, columns)});
}

ProtocolReport run_abdomen(const ProtocolSettings& settings) {
  const auto labels = settings.labels.empty() ? organ_labels() : settings.labels;
  const auto pairs = pair_files(settings.references, settings.predictions, ".nii.gz", settings.skip_missing);
  std::vector<std::vector<PairScores>> scores(pairs.size(), std::vector<PairScores>(labels.size()));
  for_each_pair("evaluate", pairs, [&](std::size_t i, const LabelPair& files) {
    const LabelCutter cutter(files.reference.voxels, files.prediction.voxels,
                             files.reference.geometry.spacing);
    parallel_for(static_cast<std::int64_t>(labels.size()), [&](std::int64_t k) {
      const auto label = static_cast<std::size_t>(k);
      const bool tube = std::find(kTubes.begin(), kTubes.end(), label + 1) != kTubes.end();
      scores[i][label] = score_label(cutter, labels[label].values, organ_tolerance(settings, label), tube);
      if (std::isnan(scores[i][label].dice.value))
        warn(
            "{}: {} lies in one slice of the reference, which this protocol leaves out: not scored "
            "(the published NSD script ends with an error here)",
            pairs[i].prediction.string(), labels[label].name);
    });
  });
  ProtocolReport report;
  add_organ_scores(report, "DSC", pairs, labels, scores, &PairScores::dice);
  add_organ_scores(report, "NSD", pairs, labels, scores, &PairScores::nsd);
  return report;
}

// ---- endoscopy ----

/// All values of a picture but the smallest, which the scripts take for background.
std::vector<int> instrument_labels(const Labels& labels) {
  std::set<int> values(labels.data.begin(), labels.data.end());
  values.erase(values.begin());
  return {values.begin(), values.end()};
}

struct FrameScores {
  ScriptNumber dice, nsd;
  std::vector<int> reference_labels, prediction_labels, all_labels;
};

FrameScores score_frame(const LabelPair& files, double tolerance) {
  FrameScores scores{{kNaN},
                     {kNaN},
                     instrument_labels(files.reference.voxels),
                     instrument_labels(files.prediction.voxels),
                     {}};
  std::set_union(scores.reference_labels.begin(), scores.reference_labels.end(),
                 scores.prediction_labels.begin(), scores.prediction_labels.end(),
                 std::back_inserter(scores.all_labels));
  const LabelCutter cutter(files.reference.voxels, files.prediction.voxels, {1, 1, 1});
  std::vector<double> dice, nsd;
  for (const int value : scores.all_labels) {
    const PairScores label = score_label(cutter, {value}, tolerance, false);
    dice.push_back(label.dice.value);
    nsd.push_back(label.nsd.value);
  }
  scores.dice = rounded({nan_mean(dice)});
  scores.nsd = rounded({nan_mean(nsd)});
  return scores;
}

std::string python_list(const std::vector<int>& values) {
  return fmt::format("\"[{}]\"", fmt::join(values, ", "));
}

/// A table of one column.
ScoreTable single_column(const std::string& metric, const std::vector<ScoredPair>& pairs,
                         const std::vector<ScriptNumber>& column) {
  ScoreTable table{metric, true, {"mean of labels"}, case_names(pairs), {}, "mean", 0};
  for (const auto& number : column) table.values.push_back({number.value});
  table.overall = mean_of_means(table);
  return table;
}

ProtocolReport run_endoscopy(const ProtocolSettings& settings) {
  const double tolerance = settings.nsd_tolerances.empty() ? kTolerance : settings.nsd_tolerances.front();
  const auto pairs = pair_files(settings.references, settings.predictions, ".png", settings.skip_missing);
  std::vector<FrameScores> scores(pairs.size());
  for_each_pair("evaluate", pairs, [&](std::size_t i, const LabelPair& files) {
    scores[i] = score_frame(files, tolerance);
    if (scores[i].all_labels.empty())
      warn(
          "{}: neither picture has more than one value: not scored (the published scripts end with an error "
          "here)",
          pairs[i].prediction.string());
  });
  std::vector<ScriptNumber> dice, nsd;
  std::vector<std::string> reference_labels, prediction_labels, all_labels;
  for (const auto& frame : scores) {
    dice.push_back(frame.dice);
    nsd.push_back(frame.nsd);
    reference_labels.push_back(python_list(frame.reference_labels));
    prediction_labels.push_back(python_list(frame.prediction_labels));
    all_labels.push_back(python_list(frame.all_labels));
  }
  const auto names = file_names(pairs);
  return {
      {single_column("DSC", pairs, dice), single_column("NSD", pairs, nsd)},
      {{"_DSC.csv", csv_text({"Name", "DSC"}, {names, column_text(dice)})},
       {"_NSD.csv", csv_text({"Name", "NSD", "gt_labels", "seg_labels", "union"},
                             {names, column_text(nsd), reference_labels, prediction_labels, all_labels})}}};
}

// ---- cells ----

/// "0.5", "1.0": Python's text of a float.
std::string python_float(double value) {
  return column_text({{value}}).front();
}

/// A column of the cell script's CSV and how it gets its number.
struct CellColumn {
  const char* name;
  ScriptNumber (*value)(const CellScores&);
};

ScriptNumber count(std::int64_t value) {
  return {static_cast<double>(value), true};
}

constexpr std::array<CellColumn, 9> kCellColumns{
    {{"true_num", [](const CellScores& s) { return count(s.reference); }},
     {"pred_num", [](const CellScores& s) { return count(s.prediction); }},
     {"correct_num(TP)", [](const CellScores& s) { return count(s.tp); }},
     {"missed_num(FN)", [](const CellScores& s) { return count(s.fn); }},
     {"wrong_num(FP)", [](const CellScores& s) { return count(s.fp); }},
     {"precision",
      [](const CellScores& s) {
        return rounded({s.precision, s.tp == 0});
      }},
     {"recall",
      [](const CellScores& s) {
        return rounded({s.recall, s.tp == 0});
      }},
     {"dice", [](const CellScores& s) { return rounded({s.dice}); }},
     {"F1", [](const CellScores& s) {
        return rounded({s.f1, s.tp == 0});
      }}}};

ProtocolReport run_cells(const ProtocolSettings& settings) {
  auto pairs = pair_files(settings.references, settings.predictions, FileEndings{"_label.tiff", ".png"},
                          settings.skip_missing);
  std::sort(pairs.begin(), pairs.end(),
            [](const ScoredPair& a, const ScoredPair& b) { return a.prediction < b.prediction; });
  std::vector<std::vector<CellScores>> scores(pairs.size());  // [case][threshold]
  for_each_pair("evaluate", pairs, [&](std::size_t i, const LabelPair& files) {
    scores[i] = score_cells(files.reference.voxels, files.prediction.voxels, settings.iou_thresholds,
                            settings.count_boundary_cells);
  });
  ProtocolReport report;
  for (std::size_t t = 0; t < settings.iou_thresholds.size(); ++t) {
    const std::string threshold = python_float(settings.iou_thresholds[t]);
    std::vector<std::string> header{"names"};
    std::vector<std::vector<std::string>> columns{file_names(pairs)};
    std::vector<ScriptNumber> numbers;
    for (const auto& column : kCellColumns) {
      numbers.clear();
      for (const auto& row : scores) numbers.push_back(column.value(row[t]));
      header.emplace_back(column.name);
      columns.push_back(column_text(numbers));
    }
    report.tables.push_back(single_column("F1 at IoU " + threshold, pairs, numbers));  // the last column
    report.files.push_back({"-" + threshold + ".csv", csv_text(header, columns)});
  }
  return report;
}

// ---- the table ----

constexpr std::array<Protocol, 3> kProtocols{
    {{"abdomen-mr",
      "DSC and NSD of .nii.gz files. A label that neither file has scores 1, one that only the\n"
      "  prediction has 0. Labels 5, 6 and 10 of the list are scored from the first to the last labelled "
      "slice\n"
      "  of the reference, without that last one; in one slice only they are not scored. Scores are rounded "
      "to\n"
      "  4 decimals before they are averaged, per label and then over labels. Tolerances are the scripts' "
      "own\n"
      "  for their 13 organs, and 2 mm for labels of --dataset-json.",
      true, run_abdomen},
     {"endoscopy",
      "DSC and NSD of .png files, with a tolerance of 2 pixels. Scored are all values of a picture but\n"
      "  its smallest, even where that is not 0; a value that only the prediction has scores 0. For NSD a\n"
      "  picture is a plate of one voxel: all pixels of an instrument are surface.",
      false, run_endoscopy},
     {"cells",
      "instance F1 of NAME.png (8-connected pieces of class 1) against NAME_label.tiff (a number per cell).\n"
      "  Cells in the outer 2 pixels are left out unless --count-boundary-cells, but count in Dice. A "
      "picture\n"
      "  without a predicted cell has no false negatives. From 25,000,000 pixels on, pictures are scored in\n"
      "  tiles of 2000x2000, and cells on a tile's frame are left out as well.",
      false, run_cells}}};

}  // namespace

std::span<const Organ> protocol_organs() {
  return kOrgans;
}

std::span<const Protocol> all_protocols() {
  return kProtocols;
}

}  // namespace seg
