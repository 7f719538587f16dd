#include "image/distance_transform.h"

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "base/threads.h"

namespace seg {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::int64_t kColumns = 8;  ///< lines handled at once: a cache line of doubles

double square(double value) {
  return value * value;
}

/// Squared distances to the seeds of a row itself.
void transform_row(const std::uint8_t* seeds, std::int64_t n, double spacing, double* out) {
  std::int64_t last = -1;  // the seed to the left
  for (std::int64_t x = 0; x < n; ++x) {
    if (seeds[x] != 0) last = x;
    out[x] = last < 0 ? kInfinity : square(static_cast<double>(x - last) * spacing);
  }
  if (last < 0) return;
  for (std::int64_t x = last; x >= 0; --x) {
    if (seeds[x] != 0) last = x;
    out[x] = std::min(out[x], square(static_cast<double>(last - x) * spacing));
  }
}

/// The lower envelope of the parabolas f(q) + (spacing * (p - q))^2 over the places q of a line.
class Envelope {
 public:
  Envelope(std::int64_t n, double spacing)
      : spacing_(spacing),
        place_(static_cast<std::size_t>(n)),
        begin_(static_cast<std::size_t>(n)),
        height_(static_cast<std::size_t>(n)),
        value_(static_cast<std::size_t>(n)) {}

  /// Replaces f[0], f[kColumns], ... by the envelope.
  void transform(double* f, std::int64_t n) {
    std::size_t count = 0;
    for (std::int64_t q = 0; q < n; ++q) {
      const double value = f[q * kColumns];
      if (value == kInfinity) continue;
      const double height = value + square(static_cast<double>(q) * spacing_);
      double begin = -kInfinity;  // where the parabola of q takes over from the one before, in places
      for (; count > 0; --count) {
        const double distance = static_cast<double>(q) - place_[count - 1];
        begin = (height - height_[count - 1]) / (2 * square(spacing_) * distance);
        if (begin > begin_[count - 1]) break;
      }
      value_[count] = value;
      place_[count] = static_cast<double>(q);
      height_[count] = height;
      begin_[count++] = begin;
    }
    if (count == 0) return;
    std::size_t k = 0;
    for (std::int64_t p = 0; p < n; ++p) {
      while (k + 1 < count && begin_[k + 1] < static_cast<double>(p)) ++k;
      f[p * kColumns] = value_[k] + square((static_cast<double>(p) - place_[k]) * spacing_);
    }
  }

 private:
  double spacing_;
  std::vector<double> place_, begin_, height_, value_;
};

/// Transforms `lines` neighbouring lines of n values; a line's values lie `stride` apart.
void transform_lines(double* data, std::int64_t lines, std::int64_t n, std::int64_t stride, double spacing) {
  Envelope envelope(n, spacing);
  std::vector<double> block(static_cast<std::size_t>(n * kColumns));  // [n, kColumns]
  for (std::int64_t first = 0; first < lines; first += kColumns) {
    const std::int64_t columns = std::min(kColumns, lines - first);
    for (std::int64_t p = 0; p < n; ++p)
      std::copy_n(data + p * stride + first, columns, block.data() + p * kColumns);
    for (std::int64_t column = 0; column < columns; ++column) envelope.transform(block.data() + column, n);
    for (std::int64_t p = 0; p < n; ++p)
      std::copy_n(block.data() + p * kColumns, columns, data + p * stride + first);
  }
}

}  // namespace

std::vector<double> squared_distances(std::span<const std::uint8_t> seeds, const Shape3& size,
                                      const Vec3& spacing) {
  if (static_cast<std::int64_t>(seeds.size()) != size[0] * size[1] * size[2])
    fail("distances: expected {} x {} x {} voxels, got {}", size[0], size[1], size[2], seeds.size());
  std::vector<double> out(seeds.size());
  double* data = out.data();
  const std::int64_t rows = size[1], columns = size[2], plane = size[1] * size[2];
  parallel_for(size[0], [&](std::int64_t z) {
    for (std::int64_t row = z * rows; row < (z + 1) * rows; ++row)
      transform_row(seeds.data() + row * columns, columns, spacing[2], data + row * columns);
    if (rows > 1) transform_lines(data + z * plane, columns, rows, columns, spacing[1]);
  });
  if (size[0] > 1) {
    parallel_for(rows, [&](std::int64_t y) {
      transform_lines(data + y * columns, columns, size[0], plane, spacing[0]);
    });
  }
  return out;
}

}  // namespace seg
