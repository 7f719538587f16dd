// Scores of a folder of predictions, as nnU-Net's summary.json holds them.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "data/dataset.h"
#include "eval/metrics.h"
#include "eval/score_table.h"
#include "image/image_io.h"

namespace seg {

struct CaseScores {
  std::string reference_file, prediction_file;
  std::vector<OverlapScores> labels;  ///< in the order of Summary::labels
  /// [label][metric of Summary::extra_metrics].
  std::vector<std::vector<double>> extra{};
  /// Mean Dice over the labels where it is defined; NaN when nowhere.
  double mean_dice() const;
};

struct Summary {
  std::vector<LabelEntry> labels;
  std::vector<CaseScores> cases;
  /// Metrics beyond those of nnU-Net's summary.json.
  std::vector<const Metric*> extra_metrics{};
  double value(std::size_t index, std::size_t label, const Metric& metric) const;
  /// Mean Dice of a label over the cases where it is defined; NaN when nowhere.
  double mean_dice(std::size_t label) const;
  /// Plain mean over the labels: NaN when one of them is defined nowhere (nnU-Net's rule).
  double foreground_mean_dice() const;
};

/// What is computed beside nnU-Net's metrics.
struct EvaluationSettings {
  std::vector<const Metric*> extra_metrics{};
  std::vector<double> nsd_tolerances{};  ///< mm; one per label of DatasetInfo::foreground()
  double iou_threshold = 0.5;            ///< of F1
};

/// A reference and the prediction to score against it.
struct ScoredPair {
  fs::path reference, prediction;
};

/// Scores one pair of equally sized label maps; voxels whose reference has the ignore label are left out.
std::vector<OverlapScores> score_overlap(const Labels& reference, const Labels& prediction,
                                         const std::vector<LabelEntry>& labels,
                                         std::optional<int> ignore_label);

/// How the names of one case's files end, such as "_label.tiff" and ".png".
struct FileEndings {
  std::string reference, prediction;
};

/// Every reference in `reference_folder` with the file of that name in `prediction_folder`, sorted by name.
/// References without a prediction are left out with `skip_missing` and a warning, else an Error; finding no
/// reference or no prediction at all is an Error.
std::vector<ScoredPair> pair_files(const fs::path& reference_folder, const fs::path& prediction_folder,
                                   const FileEndings& endings, bool skip_missing);
inline std::vector<ScoredPair> pair_files(const fs::path& reference_folder, const fs::path& prediction_folder,
                                          const std::string& ending, bool skip_missing) {
  return pair_files(reference_folder, prediction_folder, FileEndings{ending, ending}, skip_missing);
}

/// Every prediction in `prediction_folder` with the reference of that name; one without is an Error.
std::vector<ScoredPair> pair_predictions(const fs::path& reference_folder, const fs::path& prediction_folder,
                                         const std::string& ending);

/// Both label maps of a pair. A different grid is an Error.
struct LabelPair {
  LoadedLabels reference, prediction;
};

/// Calls `body(i, labels)` for every pair, as `for_each_case` does.
void for_each_pair(std::string_view label, std::span<const ScoredPair> pairs,
                   const std::function<void(std::size_t, const LabelPair&)>& body);

/// Scores the pairs (parallel, progress bar). A different grid is an Error; values that dataset.json does not
/// know are warned about.
Summary evaluate_pairs(std::span<const ScoredPair> pairs, const DatasetInfo& info,
                       const EvaluationSettings& settings = {});

/// nnU-Net's summary.json: keys sorted, labels as "1" and regions as "(1, 2, 3)". Extra metrics are further
/// keys beside nnU-Net's.
Json to_json(const Summary& summary);
/// Writes `to_json` the way nnU-Net writes it.
void write_summary(const fs::path& path, const Summary& summary);

/// One line per case and label with all metrics; empty where a metric is not defined.
std::string to_csv(const Summary& summary);

/// The values of one metric.
ScoreTable score_table(const Summary& summary, const Metric& metric);

/// Dice, IoU and the extra metrics.
std::vector<ScoreTable> score_tables(const Summary& summary);

/// Tables for people: IoU, the extra metrics and last Dice; the values of each case and label before each but
/// IoU with `per_case`.
std::string to_table(const Summary& summary, bool per_case);

/// A file's name without folders and endings.
std::string case_name(const fs::path& file);

}  // namespace seg
