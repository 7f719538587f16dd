#include "eval/objects.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "base/threads.h"
#include "eval/statistics.h"
#include "image/components.h"

namespace seg {
namespace {

constexpr std::int64_t kTiledFrom = 25'000'000, kTile = 2000, kFrame = 2;  // pixels

/// Numbers objects 0, 1, 2, ... as they appear, and adds up their voxels.
class ObjectIndex {
 public:
  explicit ObjectIndex(std::vector<std::int64_t>& sizes) : sizes_(sizes) {}
  /// -1 for background.
  std::int32_t add(std::int32_t value, std::int64_t voxels) {
    if (value <= 0) return -1;
    const auto [found, is_new] = index_.try_emplace(value, static_cast<std::int32_t>(sizes_.size()));
    if (is_new) sizes_.push_back(0);
    sizes_[static_cast<std::size_t>(found->second)] += voxels;
    return found->second;
  }

 private:
  std::vector<std::int64_t>& sizes_;
  std::unordered_map<std::int32_t, std::int32_t> index_;
};

/// Adds up the voxels of equal pairs.
void merge_pairs(std::vector<ObjectOverlap>& pairs) {
  std::sort(pairs.begin(), pairs.end(), [](const ObjectOverlap& a, const ObjectOverlap& b) {
    return a.reference != b.reference ? a.reference < b.reference : a.prediction < b.prediction;
  });
  std::size_t count = 0;
  for (const auto& pair : pairs) {
    if (count > 0 && pairs[count - 1].reference == pair.reference &&
        pairs[count - 1].prediction == pair.prediction) {
      pairs[count - 1].voxels += pair.voxels;
    } else {
      pairs[count++] = pair;
    }
  }
  pairs.resize(count);
}

/// A largest matching of a bipartite graph, by augmenting paths found in breadth. The published script asks
/// an assignment solver to minimise the sum of -[IoU >= t] - IoU / (2 n), n being the smaller number of
/// objects: the second terms add up to one half at most, so that it finds the largest number of pairs as
/// well. Above an IoU of one half pairs exclude each other; from there on down an object may have several
/// candidates.
class Matching {
 public:
  Matching(std::size_t left, std::size_t right)
      : candidates_(left), right_of_(left, -1), left_of_(right, -1) {}
  void allow(std::int32_t left, std::int32_t right) {
    candidates_[static_cast<std::size_t>(left)].push_back(right);
  }
  std::int64_t count() {
    std::int64_t matched = 0;
    for (std::size_t left = 0; left < candidates_.size(); ++left)
      matched += augment(static_cast<std::int32_t>(left)) ? 1 : 0;
    return matched;
  }

 private:
  bool augment(std::int32_t start) {
    std::vector<std::int32_t> queue{start};
    std::unordered_map<std::int32_t, std::int32_t> reached_from;  // right -> left
    for (std::size_t next = 0; next < queue.size(); ++next) {
      for (const std::int32_t right : candidates_[static_cast<std::size_t>(queue[next])]) {
        if (!reached_from.try_emplace(right, queue[next]).second) continue;
        const std::int32_t taken_by = left_of_[static_cast<std::size_t>(right)];
        if (taken_by < 0) {
          turn_path(right, reached_from);
          return true;
        }
        queue.push_back(taken_by);
      }
    }
    return false;
  }

  /// Pairs `right` with the left it was reached from, whose former partner goes to the one before, and so on.
  void turn_path(std::int32_t right, const std::unordered_map<std::int32_t, std::int32_t>& reached_from) {
    while (right >= 0) {
      const std::int32_t left = reached_from.at(right);
      left_of_[static_cast<std::size_t>(right)] = left;
      std::swap(right, right_of_[static_cast<std::size_t>(left)]);
    }
  }

  std::vector<std::vector<std::int32_t>> candidates_;  ///< of every left
  std::vector<std::int32_t> right_of_, left_of_;       ///< -1: free
};

/// Sets objects that reach into the outer pixels of a picture to background.
void remove_frame_objects(std::vector<std::int32_t>& ids, std::int64_t height, std::int64_t width) {
  std::unordered_set<std::int32_t> outer;
  for (std::int64_t y = 0; y < height; ++y) {
    const bool outer_row = y < kFrame || y >= height - kFrame;
    for (std::int64_t x = 0; x < width; ++x) {
      if (!outer_row && x == kFrame) x = std::max(x, width - kFrame);
      if (x < width && ids[static_cast<std::size_t>(y * width + x)] != 0)
        outer.insert(ids[static_cast<std::size_t>(y * width + x)]);
    }
  }
  std::int32_t last = 0;
  bool remove = false;  // what is to happen to `last`: neighbours are mostly equal
  for (auto& id : ids) {
    if (id == 0) continue;
    if (id != last) remove = outer.contains(id);
    last = id;
    if (remove) id = 0;
  }
}

/// The pixels of a square tile; what lies beyond the picture is background.
std::vector<std::int32_t> cut_tile(std::span<const std::int32_t> ids, std::int64_t height, std::int64_t width,
                                   std::int64_t top, std::int64_t left) {
  std::vector<std::int32_t> tile(static_cast<std::size_t>(kTile * kTile), 0);
  const std::int64_t rows = std::min(kTile, height - top), columns = std::min(kTile, width - left);
  for (std::int64_t y = 0; y < rows; ++y)
    std::copy_n(ids.data() + (top + y) * width + left, columns, tile.data() + y * kTile);
  return tile;
}

/// Counts of one picture or tile for every threshold.
std::vector<CellScores> count_cells(std::vector<std::int32_t> reference, std::vector<std::int32_t> prediction,
                                    std::int64_t height, std::int64_t width,
                                    std::span<const double> thresholds, bool count_boundary) {
  if (!count_boundary) {
    remove_frame_objects(reference, height, width);
    remove_frame_objects(prediction, height, width);
  }
  const auto overlaps = overlap_objects(reference, prediction);
  std::vector<CellScores> scores;
  for (const double threshold : thresholds) {
    const auto counts = match_objects(overlaps, threshold);
    auto& score = scores.emplace_back(CellScores{counts.reference, counts.prediction});
    if (counts.prediction == 0) continue;  // the paper's rule: then nothing counts as missed
    score.tp = counts.matched;
    score.fn = counts.reference - counts.matched;
    score.fp = counts.prediction - counts.matched;
  }
  return scores;
}

/// The sums over all tiles.
std::vector<CellScores> count_cells_in_tiles(std::span<const std::int32_t> reference,
                                             std::span<const std::int32_t> prediction, std::int64_t height,
                                             std::int64_t width, std::span<const double> thresholds,
                                             bool count_boundary) {
  const std::int64_t rows = (height + kTile - 1) / kTile, columns = (width + kTile - 1) / kTile;
  std::vector<std::vector<CellScores>> tiles(static_cast<std::size_t>(rows * columns));
  parallel_for(rows * columns, [&](std::int64_t i) {
    const std::int64_t top = i / columns * kTile, left = i % columns * kTile;
    tiles[static_cast<std::size_t>(i)] =
        count_cells(cut_tile(reference, height, width, top, left),
                    cut_tile(prediction, height, width, top, left), kTile, kTile, thresholds, count_boundary);
  });
  std::vector<CellScores> sums(thresholds.size());
  for (const auto& tile : tiles) {
    for (std::size_t t = 0; t < sums.size(); ++t) {
      for (const auto member : {&CellScores::reference, &CellScores::prediction, &CellScores::tp,
                                &CellScores::fn, &CellScores::fp})
        sums[t].*member += tile[t].*member;
    }
  }
  return sums;
}

/// Dice of all cells together: 1 when both are empty.
double foreground_dice(std::span<const std::int32_t> a, std::span<const std::int32_t> b) {
  std::int64_t in_a = 0, in_b = 0, in_both = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    in_a += a[i] > 0 ? 1 : 0;
    in_b += b[i] > 0 ? 1 : 0;
    in_both += a[i] > 0 && b[i] > 0 ? 1 : 0;
  }
  return in_a + in_b == 0 ? 1.0 : 2.0 * static_cast<double>(in_both) / static_cast<double>(in_a + in_b);
}

void finish(CellScores& scores) {
  if (scores.tp == 0) return;
  scores.precision = static_cast<double>(scores.tp) / static_cast<double>(scores.prediction);
  scores.recall = static_cast<double>(scores.tp) / static_cast<double>(scores.reference);
  scores.f1 = 2 * (scores.precision * scores.recall) / (scores.precision + scores.recall);
}

}  // namespace

ObjectOverlaps overlap_objects(std::span<const std::int32_t> reference,
                               std::span<const std::int32_t> prediction) {
  if (reference.size() != prediction.size())
    fail("objects: expected images of equal size, got {} and {} voxels", reference.size(), prediction.size());
  ObjectOverlaps overlaps;
  ObjectIndex references(overlaps.reference_sizes), predictions(overlaps.prediction_sizes);
  for (std::size_t i = 0; i < reference.size();) {
    const std::int32_t r = reference[i], p = prediction[i];
    const std::size_t begin = i;
    while (i < reference.size() && reference[i] == r && prediction[i] == p) ++i;
    const auto voxels = static_cast<std::int64_t>(i - begin);
    const std::int32_t a = references.add(r, voxels), b = predictions.add(p, voxels);
    if (a >= 0 && b >= 0) overlaps.pairs.push_back({a, b, voxels});
  }
  merge_pairs(overlaps.pairs);
  return overlaps;
}

double ObjectCounts::f1() const {
  return reference + prediction == 0
             ? kNaN
             : 2.0 * static_cast<double>(matched) / static_cast<double>(reference + prediction);
}

ObjectCounts match_objects(const ObjectOverlaps& overlaps, double threshold) {
  const auto& references = overlaps.reference_sizes;
  const auto& predictions = overlaps.prediction_sizes;
  Matching matching(references.size(), predictions.size());
  for (const auto& pair : overlaps.pairs) {
    const std::int64_t either = references[static_cast<std::size_t>(pair.reference)] +
                                predictions[static_cast<std::size_t>(pair.prediction)] - pair.voxels;
    if (static_cast<double>(pair.voxels) / static_cast<double>(either) >= threshold)
      matching.allow(pair.reference, pair.prediction);
  }
  return {static_cast<std::int64_t>(references.size()), static_cast<std::int64_t>(predictions.size()),
          matching.count()};
}

ObjectCounts match_pieces(const MaskPair& masks, double threshold) {
  const auto pieces = [&](const std::vector<std::uint8_t>& mask) {
    return find_components<std::uint8_t>(mask, masks.size, Connectivity::full).ids;
  };
  return match_objects(overlap_objects(pieces(masks.reference), pieces(masks.prediction)), threshold);
}

std::vector<CellScores> score_cells(const Labels& instances, const Labels& classes,
                                    std::span<const double> thresholds, bool count_boundary) {
  if (instances.shape != classes.shape || instances.shape[0] * instances.shape[1] != 1)
    fail("cells: expected two pictures of one size, got {} and {}", fmt::join(instances.shape, "x"),
         fmt::join(classes.shape, "x"));
  const std::int64_t height = instances.shape[2], width = instances.shape[3];
  std::vector<std::uint8_t> mask(classes.data.size());
  std::transform(classes.data.begin(), classes.data.end(), mask.begin(),
                 [](std::int32_t value) { return static_cast<std::uint8_t>(value == 1); });
  auto cells = find_components<std::uint8_t>(mask, classes.space(), Connectivity::full).ids;
  const double dice = foreground_dice(instances.data, cells);
  auto scores = height * width < kTiledFrom
                    ? count_cells(instances.data, std::move(cells), height, width, thresholds, count_boundary)
                    : count_cells_in_tiles(instances.data, cells, height, width, thresholds, count_boundary);
  for (auto& score : scores) {
    score.dice = dice;
    finish(score);
  }
  return scores;
}

}  // namespace seg
