// Scores of a folder of predictions, as nnU-Net's summary.json holds them.
#pragma once
#include <cstdint>
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
};

struct Summary {
  std::vector<LabelEntry> labels;
  std::vector<CaseScores> cases;
  /// Mean Dice of a label over the cases where it is defined; NaN when nowhere.
  double mean_dice(std::size_t label) const;
  /// Plain mean over the labels.
  double foreground_mean_dice() const;
};

/// Scores one pair of equally sized label maps; voxels with the ignore label are left out of both.
std::vector<OverlapScores> score_overlap(const Labels& reference, const Labels& prediction,
                                         const std::vector<LabelEntry>& labels,
                                         std::optional<int> ignore_label);

/// Scores every reference in `reference_folder` against the file of that name in `prediction_folder`
/// (parallel). A missing prediction or a different grid is an Error.
Summary evaluate_folders(const fs::path& reference_folder, const fs::path& prediction_folder,
                         const DatasetInfo& info);

Json to_json(const Summary& summary);
/// A table for people: a line per case, a column per label, the means last.
std::string to_table(const Summary& summary, const DatasetInfo& info);

}  // namespace seg
