// Scores of a folder of predictions, as nnU-Net's summary.json holds them.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "data/dataset.h"
#include "image/volume.h"

namespace seg {

/// Overlap of one label (or region) in one case.
struct OverlapScores {
  std::int64_t tp = 0, fp = 0, fn = 0, tn = 0;
  double dice() const;  ///< NaN when both are empty
  double iou() const;   ///< NaN when both are empty
};

struct CaseScores {
  std::string reference_file, prediction_file;
  std::vector<OverlapScores> labels;  ///< in the order of Summary::labels
  /// Mean Dice over the labels where it is defined; NaN when nowhere.
  double mean_dice() const;
};

struct Summary {
  std::vector<LabelEntry> labels;
  std::vector<CaseScores> cases;
  /// Mean Dice of a label over the cases where it is defined; NaN when nowhere.
  double mean_dice(std::size_t label) const;
  /// Plain mean over the labels: NaN when one of them is defined nowhere (nnU-Net's rule).
  double foreground_mean_dice() const;
};

/// A reference and the prediction to score against it.
struct ScoredPair {
  fs::path reference, prediction;
};

/// Scores one pair of equally sized label maps; voxels whose reference has the ignore label are left out.
std::vector<OverlapScores> score_overlap(const Labels& reference, const Labels& prediction,
                                         const std::vector<LabelEntry>& labels,
                                         std::optional<int> ignore_label);

/// Every reference in `reference_folder` with the file of that name in `prediction_folder`, sorted by name.
/// References without a prediction are left out with `skip_missing`, else an Error; finding no reference or
/// no prediction at all is an Error.
std::vector<ScoredPair> pair_files(const fs::path& reference_folder, const fs::path& prediction_folder,
                                   const std::string& file_ending, bool skip_missing);

/// Scores the pairs (parallel, progress bar). A different grid is an Error; values that dataset.json does not
/// know are warned about.
Summary evaluate_pairs(std::span<const ScoredPair> pairs, const DatasetInfo& info);

/// Scores every reference in `reference_folder`; a missing prediction is an Error.
Summary evaluate_folders(const fs::path& reference_folder, const fs::path& prediction_folder,
                         const DatasetInfo& info);

/// nnU-Net's summary.json: keys sorted, labels as "1" and regions as "(1, 2, 3)".
Json to_json(const Summary& summary);
/// Writes `to_json` the way nnU-Net writes it.
void write_summary(const fs::path& path, const Summary& summary);

/// Tables for people: Dice per case and label (when `per_case`), then mean, median and minimum of each label,
/// and the worst cases.
std::string to_table(const Summary& summary, bool per_case);

}  // namespace seg
