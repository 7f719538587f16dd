// Objects (cells, lesions) of a reference found again in a prediction.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "eval/surface_distances.h"
#include "image/volume.h"

namespace seg {

/// How many voxels an object of the reference shares with one of the prediction.
struct ObjectOverlap {
  std::int32_t reference = 0, prediction = 0;  ///< indices into the sizes below
  std::int64_t voxels = 0;
};

struct ObjectOverlaps {
  std::vector<std::int64_t> reference_sizes, prediction_sizes;  ///< voxels; one entry per object
  std::vector<ObjectOverlap> pairs;                             ///< those that meet
};

/// Meets the objects of two images of equal size. A positive value is an object's number, whether it is in
/// one piece or not; everything else is background. Throws Error for different sizes.
ObjectOverlaps overlap_objects(std::span<const std::int32_t> reference,
                               std::span<const std::int32_t> prediction);

struct ObjectCounts {
  std::int64_t reference = 0, prediction = 0, matched = 0;
  double f1() const;  ///< NaN without any object
};

/// The largest number of pairs whose intersection over union reaches the threshold, each object in one pair
/// at most. `threshold` is above 0.
ObjectCounts match_objects(const ObjectOverlaps& overlaps, double threshold);

/// The 26-connected (8 in a picture) pieces of two masks as objects.
ObjectCounts match_pieces(const MaskPair& masks, double threshold);

/// One picture of the paper's cell protocol (its counting of empty predictions included).
struct CellScores {
  std::int64_t reference = 0, prediction = 0, tp = 0, fn = 0, fp = 0;
  double precision = 0, recall = 0, dice = 0, f1 = 0;
};

/// Scores a picture for every IoU threshold. `instances` numbers the cells, `classes` is the prediction,
/// whose 8-connected pieces of class 1 are cells. Unless `count_boundary`, cells that reach into the outer
/// two pixels are left out (of counts, not of Dice). Pictures of 25,000,000 pixels or more are scored in
/// tiles of 2000x2000, each with a frame of its own. Throws Error for volumes and different sizes.
std::vector<CellScores> score_cells(const Labels& instances, const Labels& classes,
                                    std::span<const double> thresholds, bool count_boundary);

}  // namespace seg
