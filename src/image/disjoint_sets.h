// Sets of numbered things that grow together (union-find).
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

namespace seg {

class DisjointSets {
 public:
  /// Adds a set with one member and returns its number: 0, 1, 2, ...
  std::int64_t add() {
    parent_.push_back(static_cast<std::int64_t>(parent_.size()));
    return parent_.back();
  }
  /// The smallest member of the set that `i` belongs to.
  std::int64_t root(std::int64_t i) {
    while (parent_[static_cast<std::size_t>(i)] != i) {
      auto& above = parent_[static_cast<std::size_t>(i)];
      above = parent_[static_cast<std::size_t>(above)];
      i = above;
    }
    return i;
  }
  void join(std::int64_t a, std::int64_t b) {
    a = root(a);
    b = root(b);
    parent_[static_cast<std::size_t>(std::max(a, b))] = std::min(a, b);
  }

 private:
  std::vector<std::int64_t> parent_;
};

}  // namespace seg
