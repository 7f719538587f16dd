#include "data/spatial_transform.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "data/spline.h"

namespace seg {
namespace {

/// Where the pixels of one output row lie in the source: the pixel at or before them, and the rest in [0, 1).
struct SourceRow {
  std::vector<std::int64_t> y, x;  ///< y is -1 outside [0, n - 1]
  std::vector<double> ty, tx;

  explicit SourceRow(std::int64_t width)
      : y(static_cast<std::size_t>(width)), x(y.size()), ty(y.size()), tx(y.size()) {}
};

/// The affine map from output to source pixels.
struct Map {
  double cos, sin, scale;
  Size2 from, to;

  void fill(std::int64_t out_y, SourceRow& row) const {
    const double center_y = static_cast<double>(from[0]) / 2.0 - 0.5;
    const double center_x = static_cast<double>(from[1]) / 2.0 - 0.5;
    const double last_y = static_cast<double>(from[0] - 1), last_x = static_cast<double>(from[1] - 1);
    const double grid_y = static_cast<double>(out_y) - static_cast<double>(to[0] - 1) / 2.0;
    for (std::size_t i = 0; i < row.y.size(); ++i) {
      const double grid_x = static_cast<double>(i) - static_cast<double>(to[1] - 1) / 2.0;
      const double y = (grid_y * cos + grid_x * sin) * scale + center_y;
      const double x = (-grid_y * sin + grid_x * cos) * scale + center_x;
      const bool inside = y >= 0.0 && y <= last_y && x >= 0.0 && x <= last_x;
      row.y[i] = inside ? static_cast<std::int64_t>(y) : -1;
      row.x[i] = inside ? static_cast<std::int64_t>(x) : 0;
      row.ty[i] = y - static_cast<double>(row.y[i]);
      row.tx[i] = x - static_cast<double>(row.x[i]);
    }
  }
};

/// Four neighbours in a register (GCC's and Clang's vectors).
using Float4 = float __attribute__((vector_size(16)));

/// Spline coefficients with one mirrored row and column before and two behind, so that no tap needs a bounds
/// check.
struct Coefficients {
  std::int64_t stride = 0;
  std::vector<float> values;

  Coefficients(std::span<const float> plane, Size2 size) : stride(size[1] + 3) {
    std::vector<float> inner(plane.begin(), plane.end());
    spline_coefficients(inner, size[0], size[1]);
    values.resize(static_cast<std::size_t>((size[0] + 3) * stride));
    for (std::int64_t y = 0; y < size[0] + 3; ++y) {
      const float* source = inner.data() + mirror_index(y - 1, size[0]) * size[1];
      float* row = values.data() + y * stride;
      std::copy_n(source, size[1], row + 1);
      row[0] = source[mirror_index(-1, size[1])];
      row[size[1] + 1] = source[mirror_index(size[1], size[1])];
      row[size[1] + 2] = source[mirror_index(size[1] + 1, size[1])];
    }
  }

  float at(std::int64_t y, std::int64_t x, float ty, float tx) const {
    const auto wy = spline_weights(ty), wx = spline_weights(tx);
    const float* tap = values.data() + y * stride + x;  // at (y - 1, x - 1)
    Float4 columns{};
    for (const float weight : wy) {
      Float4 row;
      std::memcpy(&row, tap, sizeof(row));
      columns += weight * row;
      tap += stride;
    }
    return wx[0] * columns[0] + wx[1] * columns[1] + wx[2] * columns[2] + wx[3] * columns[3];
  }
};

/// The largest label whose share of the four corners' weight reaches one half; 0 where none does.
std::int16_t vote(const std::array<std::int16_t, 4>& labels, double ty, double tx) {
  const std::array<double, 4> weights{(1.0 - ty) * (1.0 - tx), (1.0 - ty) * tx, ty * (1.0 - tx), ty * tx};
  bool found = false;
  std::int16_t winner = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    double share = 0;
    for (std::size_t k = 0; k < 4; ++k) share += labels[k] == labels[i] ? weights[k] : 0.0;
    if (share >= 0.5 && (!found || labels[i] > winner)) {
      winner = labels[i];
      found = true;
    }
  }
  return winner;
}

void sample_labels(const Patch& patch, const SourceRow& row, std::int16_t* out) {
  for (std::size_t i = 0; i < row.y.size(); ++i) {
    if (row.y[i] < 0) continue;
    const std::int16_t* corner = patch.seg.data() + row.y[i] * patch.width + row.x[i];
    const std::int64_t right = row.x[i] + 1 < patch.width ? 1 : 0;
    const std::int64_t down = row.y[i] + 1 < patch.height ? patch.width : 0;
    const std::array<std::int16_t, 4> labels{corner[0], corner[right], corner[down], corner[down + right]};
    const bool same = labels[0] == labels[1] && labels[0] == labels[2] && labels[0] == labels[3];
    out[i] = same ? labels[0] : vote(labels, row.ty[i], row.tx[i]);
  }
}

template <class T>
void mirror_plane(T* plane, Size2 size, bool along_y, bool along_x) {
  const auto [height, width] = size;
  for (std::int64_t y = 0; along_y && y < height / 2; ++y) {
    std::swap_ranges(plane + y * width, plane + (y + 1) * width, plane + (height - 1 - y) * width);
  }
  for (std::int64_t y = 0; along_x && y < height; ++y)
    std::reverse(plane + y * width, plane + (y + 1) * width);
}

}  // namespace

Patch rotate_and_scale(const Patch& patch, double angle, double scale, Size2 size) {
  std::vector<Coefficients> coefficients;
  for (std::int64_t c = 0; c < patch.channels; ++c) coefficients.emplace_back(patch.plane(c), patch.size());

  const Map map{std::cos(angle), std::sin(angle), scale, patch.size(), size};
  Patch result(patch.channels, size);
  SourceRow row(size[1]);
  for (std::int64_t y = 0; y < size[0]; ++y) {
    map.fill(y, row);
    sample_labels(patch, row, result.seg.data() + y * size[1]);
    for (std::int64_t c = 0; c < patch.channels; ++c) {
      const Coefficients& plane = coefficients[static_cast<std::size_t>(c)];
      float* out = result.plane(c).data() + y * size[1];
      for (std::size_t i = 0; i < row.y.size(); ++i) {
        if (row.y[i] < 0) continue;
        out[i] = plane.at(row.y[i], row.x[i], static_cast<float>(row.ty[i]), static_cast<float>(row.tx[i]));
      }
    }
  }
  return result;
}

Patch center_crop(const Patch& patch, Size2 size) {
  if (size == patch.size()) return patch;
  if (size[0] > patch.height || size[1] > patch.width) {
    fail("center crop: expected at most {}x{}, got {}x{}", patch.height, patch.width, size[0], size[1]);
  }
  Patch result(patch.channels, size);
  const std::int64_t offset_y = (patch.height - size[0]) / 2, offset_x = (patch.width - size[1]) / 2;
  for (std::int64_t y = 0; y < size[0]; ++y) {
    const std::int64_t source = (offset_y + y) * patch.width + offset_x;
    for (std::int64_t c = 0; c < patch.channels; ++c) {
      std::copy_n(patch.plane(c).data() + source, size[1], result.plane(c).data() + y * size[1]);
    }
    std::copy_n(patch.seg.data() + source, size[1], result.seg.data() + y * size[1]);
  }
  return result;
}

void mirror(Patch& patch, bool along_y, bool along_x) {
  for (std::int64_t c = 0; c < patch.channels; ++c) {
    mirror_plane(patch.plane(c).data(), patch.size(), along_y, along_x);
  }
  mirror_plane(patch.seg.data(), patch.size(), along_y, along_x);
}

}  // namespace seg
