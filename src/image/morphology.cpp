#include "image/morphology.h"

#include "base/error.h"
#include "image/disjoint_sets.h"

namespace seg {
namespace {

/// A gap: a run of background voxels along x, half open.
struct Gap {
  std::int32_t begin, end;
};

std::vector<Gap> background_runs(const std::uint8_t* row, std::int64_t width) {
  std::vector<Gap> runs;
  for (std::int64_t x = 0; x < width;) {
    while (x < width && row[x] != 0) ++x;
    const std::int64_t begin = x;
    while (x < width && row[x] == 0) ++x;
    if (x > begin) runs.push_back({static_cast<std::int32_t>(begin), static_cast<std::int32_t>(x)});
  }
  return runs;
}

/// The runs of all rows, one row after the other; run i belongs to set i + 1, and set 0 is the outside of the
/// volume: the smallest number, so it stays the root of whatever joins it.
class HoleFiller {
 public:
  HoleFiller(Mask& mask, const Shape3& size) : mask_(mask), size_(size) { sets_.add(); }

  void run() {
    for (std::int64_t z = 0; z < size_[0]; ++z) {
      for (std::int64_t y = 0; y < size_[1]; ++y) add_row(z, y);
    }
    for (std::size_t row = 0; row + 1 < row_begin_.size(); ++row) {
      for (std::size_t i = row_begin_[row]; i < row_begin_[row + 1]; ++i) {
        if (sets_.root(static_cast<std::int64_t>(i) + 1) == 0) continue;
        const auto start = mask_.begin() + static_cast<std::int64_t>(row) * size_[2];
        std::fill(start + runs_[i].begin, start + runs_[i].end, std::uint8_t{1});
      }
    }
  }

 private:
  void add_row(std::int64_t z, std::int64_t y) {
    const std::int64_t row = z * size_[1] + y;
    const bool border = z == 0 || z == size_[0] - 1 || y == 0 || y == size_[1] - 1;
    for (const Gap& run : background_runs(mask_.data() + row * size_[2], size_[2])) {
      const auto set = sets_.add();
      runs_.push_back(run);
      if (border || run.begin == 0 || run.end == size_[2]) sets_.join(set, 0);
    }
    row_begin_.push_back(runs_.size());
    if (y > 0) join_rows(row, row - 1);
    if (z > 0) join_rows(row, row - size_[1]);
  }

  /// Joins the runs of two rows that overlap.
  void join_rows(std::int64_t row, std::int64_t other) {
    const auto begin = [&](std::int64_t r) { return row_begin_[static_cast<std::size_t>(r)]; };
    std::size_t a = begin(row), b = begin(other);
    while (a < begin(row + 1) && b < begin(other + 1)) {
      if (runs_[a].begin < runs_[b].end && runs_[b].begin < runs_[a].end)
        sets_.join(static_cast<std::int64_t>(a) + 1, static_cast<std::int64_t>(b) + 1);
      runs_[a].end < runs_[b].end ? ++a : ++b;
    }
  }

  Mask& mask_;
  Shape3 size_;
  std::vector<Gap> runs_;
  std::vector<std::size_t> row_begin_{0};
  DisjointSets sets_;
};

}  // namespace

void fill_holes(Mask& mask, const Shape3& size) {
  if (static_cast<std::int64_t>(mask.size()) != size[0] * size[1] * size[2])
    fail("fill holes: expected {} x {} x {} voxels, got {}", size[0], size[1], size[2], mask.size());
  HoleFiller(mask, size).run();
}

}  // namespace seg
