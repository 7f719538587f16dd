// Arrays of voxels and where they lie in space.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace seg {

/// Sizes in the order channels, z, y, x. A 2-D image has z = 1.
using Shape4 = std::array<std::int64_t, 4>;
/// Sizes, positions or spacings in the order z, y, x.
using Shape3 = std::array<std::int64_t, 3>;
using Vec3 = std::array<double, 3>;

/// Axis a of the result is axis order[a].
template <class T>
std::array<T, 3> transposed(const std::array<T, 3>& values, const std::array<int, 3>& order) {
  return {values[order[0]], values[order[1]], values[order[2]]};
}

/// A dense C-order array [channels, z, y, x].
template <class T>
struct Grid {
  Shape4 shape{};
  std::vector<T> data;

  Grid() = default;
  explicit Grid(const Shape4& sizes, T value = T{})
      : shape(sizes), data(static_cast<std::size_t>(count_of(sizes)), value) {}

  static std::int64_t count_of(const Shape4& s) { return s[0] * s[1] * s[2] * s[3]; }
  std::int64_t count() const { return static_cast<std::int64_t>(data.size()); }
  std::int64_t channels() const { return shape[0]; }
  Shape3 space() const { return {shape[1], shape[2], shape[3]}; }
  std::int64_t voxels() const { return shape[1] * shape[2] * shape[3]; }

  std::int64_t index(std::int64_t c, std::int64_t z, std::int64_t y, std::int64_t x) const {
    return ((c * shape[1] + z) * shape[2] + y) * shape[3] + x;
  }
  T& at(std::int64_t c, std::int64_t z, std::int64_t y, std::int64_t x) {
    return data[static_cast<std::size_t>(index(c, z, y, x))];
  }
  const T& at(std::int64_t c, std::int64_t z, std::int64_t y, std::int64_t x) const {
    return data[static_cast<std::size_t>(index(c, z, y, x))];
  }
  std::span<T> channel(std::int64_t c) {
    return std::span<T>(data).subspan(static_cast<std::size_t>(c * voxels()),
                                      static_cast<std::size_t>(voxels()));
  }
  std::span<const T> channel(std::int64_t c) const {
    return std::span<const T>(data).subspan(static_cast<std::size_t>(c * voxels()),
                                            static_cast<std::size_t>(voxels()));
  }
  bool operator==(const Grid&) const = default;
};

using Image = Grid<float>;
/// Class indices, instance ids, or -1 for "outside" in preprocessed segmentations; one channel.
using Labels = Grid<std::int32_t>;

/// Where an array lies in space.
struct Geometry {
  int dimension = 3;      ///< 2 for a flat image (PNG, TIFF, 2-D NIfTI), else 3
  Vec3 spacing{1, 1, 1};  ///< mm, in the array's order z, y, x; 999 (times the largest) for z of a 2-D image
  Vec3 origin{0, 0, 0};   ///< mm, x, y, z in LPS as ITK gives it (2-D: z unused)
  std::array<double, 9> direction{1, 0, 0, 0, 1,
                                  0, 0, 0, 1};  ///< row-major x, y, z axes in LPS (2-D: upper left 2x2)
};

}  // namespace seg
