#include "data/instance_labels.h"

#include <array>
#include <cstddef>
#include <vector>

#include "base/error.h"

namespace seg {
namespace {

constexpr std::size_t kSmallestInterior = 16;  // pixels; the challenge baseline's number

/// Calls `body(index)` for the 4-neighbours of pixel i that lie in the picture.
template <class Body>
void for_neighbours(std::int64_t i, std::int64_t height, std::int64_t width, Body&& body) {
  const std::int64_t y = i / width, x = i % width;
  if (y > 0) body(static_cast<std::size_t>(i - width));
  if (y + 1 < height) body(static_cast<std::size_t>(i + width));
  if (x > 0) body(static_cast<std::size_t>(i - 1));
  if (x + 1 < width) body(static_cast<std::size_t>(i + 1));
}

/// Sets 4-connected pieces of class 1 with few pixels to background.
void remove_crumbs(Labels& labels, std::int64_t height, std::int64_t width) {
  std::vector<bool> seen(labels.data.size(), false);
  std::vector<std::size_t> piece;
  for (std::size_t start = 0; start < labels.data.size(); ++start) {
    if (labels.data[start] != 1 || seen[start]) continue;
    piece.assign(1, start);
    seen[start] = true;
    for (std::size_t next = 0; next < piece.size(); ++next) {
      for_neighbours(static_cast<std::int64_t>(piece[next]), height, width, [&](std::size_t n) {
        if (labels.data[n] != 1 || seen[n]) return;
        seen[n] = true;
        piece.push_back(n);
      });
    }
    if (piece.size() < kSmallestInterior)
      for (const std::size_t i : piece) labels.data[i] = 0;
  }
}

}  // namespace

Labels three_class_labels(const Labels& instances, BoundaryRule rule) {
  if (instances.shape[0] != 1 || instances.shape[1] != 1)
    fail("instances: expected one picture, got {} slices", instances.shape[0] * instances.shape[1]);
  const std::int64_t height = instances.shape[2], width = instances.shape[3];
  Labels labels(instances.shape);
  for (std::int64_t i = 0; i < instances.count(); ++i) {
    const auto here = static_cast<std::size_t>(i);
    if (instances.data[here] == 0) continue;
    bool edge = false;
    for_neighbours(i, height, width,
                   [&](std::size_t n) { edge = edge || instances.data[n] != instances.data[here]; });
    labels.data[here] = edge ? 2 : 1;
  }
  if (rule == BoundaryRule::inner) return labels;
  const Labels thin = labels;
  for (std::int64_t i = 0; i < labels.count(); ++i) {
    if (thin.data[static_cast<std::size_t>(i)] != 2) continue;
    for_neighbours(i, height, width, [&](std::size_t n) { labels.data[n] = 2; });
  }
  remove_crumbs(labels, height, width);
  return labels;
}

}  // namespace seg
