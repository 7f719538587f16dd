// Runs along x are joined with the runs of the rows before them (union-find): the work grows with the number
// of runs, not of voxels.
#include "image/components.h"

#include "base/error.h"
#include "image/disjoint_sets.h"

namespace seg {
namespace {

/// Voxels of one value along x, half open. Run i of the scan is member i of the sets.
template <class T>
struct Run {
  std::int32_t begin, end;
  T value;
};

template <class T>
class ComponentFinder {
 public:
  ComponentFinder(std::span<const T> values, const Shape3& size, Connectivity connectivity)
      : values_(values), size_(size), reach_(connectivity == Connectivity::full ? 1 : 0) {}

  Components run() {
    for (std::int64_t z = 0; z < size_[0]; ++z) {
      for (std::int64_t y = 0; y < size_[1]; ++y) {
        add_runs(z * size_[1] + y);
        if (y > 0) join_rows(z, y, z, y - 1);
        if (z == 0) continue;
        for (std::int64_t other = y - reach_; other <= y + reach_; ++other) {
          if (other >= 0 && other < size_[1]) join_rows(z, y, z - 1, other);
        }
      }
    }
    return number_components();
  }

 private:
  void add_runs(std::int64_t row) {
    const T* line = values_.data() + row * size_[2];
    const auto width = static_cast<std::int32_t>(size_[2]);
    for (std::int32_t x = 0; x < width;) {
      const T value = line[x];
      const std::int32_t begin = x;
      while (x < width && line[x] == value) ++x;
      if (value == T{}) continue;
      runs_.push_back({begin, x, value});
      sets_.add();
    }
    row_begin_.push_back(runs_.size());
  }

  /// Joins the runs of two rows that touch: overlap, or with `reach_` also meet at a corner.
  void join_rows(std::int64_t z, std::int64_t y, std::int64_t other_z, std::int64_t other_y) {
    const auto row = static_cast<std::size_t>(z * size_[1] + y);
    const auto other = static_cast<std::size_t>(other_z * size_[1] + other_y);
    std::size_t first = row_begin_[other];
    for (std::size_t a = row_begin_[row]; a < row_begin_[row + 1]; ++a) {
      while (first < row_begin_[other + 1] && runs_[first].end + reach_ <= runs_[a].begin) ++first;
      for (std::size_t b = first; b < row_begin_[other + 1] && runs_[b].begin < runs_[a].end + reach_; ++b) {
        if (runs_[a].value == runs_[b].value)
          sets_.join(static_cast<std::int64_t>(a), static_cast<std::int64_t>(b));
      }
    }
  }

  Components number_components() {
    Components found;
    found.ids.assign(values_.size(), 0);
    found.sizes.assign(1, static_cast<std::int64_t>(values_.size()));
    std::vector<std::int32_t> id_of(runs_.size(), 0);  // of the roots
    for (std::size_t row = 0; row + 1 < row_begin_.size(); ++row) {
      for (std::size_t i = row_begin_[row]; i < row_begin_[row + 1]; ++i) {
        auto& id = id_of[static_cast<std::size_t>(sets_.root(static_cast<std::int64_t>(i)))];
        if (id == 0) {  // a root is the first run of its component
          id = static_cast<std::int32_t>(found.sizes.size());
          found.sizes.push_back(0);
        }
        const auto start = found.ids.begin() + static_cast<std::int64_t>(row) * size_[2];
        std::fill(start + runs_[i].begin, start + runs_[i].end, id);
        found.sizes[static_cast<std::size_t>(id)] += runs_[i].end - runs_[i].begin;
        found.sizes[0] -= runs_[i].end - runs_[i].begin;
      }
    }
    return found;
  }

  std::span<const T> values_;
  Shape3 size_;
  std::int32_t reach_;
  std::vector<Run<T>> runs_;
  std::vector<std::size_t> row_begin_{0};
  DisjointSets sets_;
};

}  // namespace

template <class T>
Components find_components(std::span<const T> values, const Shape3& size, Connectivity connectivity) {
  if (static_cast<std::int64_t>(values.size()) != size[0] * size[1] * size[2])
    fail("components: expected {} x {} x {} voxels, got {}", size[0], size[1], size[2], values.size());
  return ComponentFinder<T>(values, size, connectivity).run();
}

template Components find_components(std::span<const std::uint8_t>, const Shape3&, Connectivity);
template Components find_components(std::span<const std::int32_t>, const Shape3&, Connectivity);

}  // namespace seg
