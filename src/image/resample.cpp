#include "image/resample.h"

#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "base/error.h"
#include "base/threads.h"
#include "image/spline_lines.h"

namespace seg {
namespace {

constexpr double kAnisotropyThreshold = 3.0;

/// For each output index of an axis the two samples around it: value = lower * (1 - weight) + upper * weight.
struct LinearTap {
  std::int64_t lower, upper;
  double lower_weight, upper_weight;
};

std::vector<LinearTap> linear_taps(std::int64_t from, std::int64_t to, bool nearest) {
  std::vector<LinearTap> taps(static_cast<std::size_t>(to));
  for (std::int64_t i = 0; i < to; ++i) {
    const double last = static_cast<double>(from - 1);
    const double centre = std::clamp(sample_centre(i, from, to), 0.0, last);
    auto& tap = taps[static_cast<std::size_t>(i)];
    if (nearest || from == to) {
      const auto source = static_cast<std::int64_t>(std::floor(centre + 0.5));
      tap = {source, source, 1.0, 0.0};
      continue;
    }
    const double below = std::floor(centre);
    const double lower_weight = 1.0 - (centre - below);
    const auto lower = static_cast<std::int64_t>(below);
    tap = {lower, std::min(lower + 1, from - 1), lower_weight, 1.0 - lower_weight};
  }
  return taps;
}

/// Taps of the three axes; the separate axis takes the nearest slice.
std::array<std::vector<LinearTap>, 3> linear_taps(const Shape3& from, const Shape3& to,
                                                  std::optional<int> separate, bool nearest = false) {
  std::array<std::vector<LinearTap>, 3> taps;
  for (int axis = 0; axis < 3; ++axis)
    taps[axis] = linear_taps(from[axis], to[axis], nearest || separate == axis);
  return taps;
}

void check_sizes(const Shape3& from, const Shape3& to) {
  for (int axis = 0; axis < 3; ++axis) {
    if (from[axis] < 1 || to[axis] < 1) {
      fail("cannot resample [{}, {}, {}] to [{}, {}, {}]: a size is below 1", from[0], from[1], from[2],
           to[0], to[1], to[2]);
    }
  }
}

/// out = a * weight_a + b * weight_b; b is not read where its weight is 0.
template <class T>
void blend(const T* a, const T* b, double weight_a, double weight_b, std::int64_t count, double* out) {
  if (weight_b == 0) {
    for (std::int64_t i = 0; i < count; ++i) out[i] = static_cast<double>(a[i]) * weight_a;
  } else {
    for (std::int64_t i = 0; i < count; ++i)
      out[i] = static_cast<double>(a[i]) * weight_a + static_cast<double>(b[i]) * weight_b;
  }
}

/// One output slice of one channel by linear interpolation.
void linear_slice(std::span<const float> volume, const Shape3& from, const Shape3& to,
                  const std::array<std::vector<LinearTap>, 3>& taps, std::int64_t z, std::span<float> out) {
  const auto& tap_z = taps[0][static_cast<std::size_t>(z)];
  const std::int64_t plane_size = from[1] * from[2];
  std::vector<double> plane(static_cast<std::size_t>(plane_size));
  std::vector<double> row(static_cast<std::size_t>(from[2]));
  blend(&volume[static_cast<std::size_t>(tap_z.lower * plane_size)],
        &volume[static_cast<std::size_t>(tap_z.upper * plane_size)], tap_z.lower_weight, tap_z.upper_weight,
        plane_size, plane.data());
  for (std::int64_t y = 0; y < to[1]; ++y) {
    const auto& tap_y = taps[1][static_cast<std::size_t>(y)];
    blend(&plane[static_cast<std::size_t>(tap_y.lower * from[2])],
          &plane[static_cast<std::size_t>(tap_y.upper * from[2])], tap_y.lower_weight, tap_y.upper_weight,
          from[2], row.data());
    float* target = &out[static_cast<std::size_t>(y * to[2])];
    for (const auto& tap : taps[2]) {
      *target++ = static_cast<float>(row[static_cast<std::size_t>(tap.lower)] * tap.lower_weight +
                                     row[static_cast<std::size_t>(tap.upper)] * tap.upper_weight);
    }
  }
}

void resample_slab(const Image& image, const Shape3& size, const std::array<std::vector<LinearTap>, 3>& taps,
                   std::int64_t z_begin, std::int64_t z_end, std::span<float> out) {
  const std::int64_t depth = z_end - z_begin;
  const auto plane = static_cast<std::size_t>(size[1] * size[2]);
  parallel_for(image.channels() * depth, [&](std::int64_t i) {
    linear_slice(image.channel(i / depth), image.space(), size, taps, z_begin + i % depth,
                 out.subspan(static_cast<std::size_t>(i) * plane, plane));
  });
}

/// The smallest and largest value of each slice across `axis`; without a separate axis those of the volume.
struct Limits {
  int axis = 0;
  std::vector<float> low, high;

  Limits(std::span<const float> volume, const Shape3& size, std::optional<int> separate)
      : axis(separate.value_or(0)),
        low(static_cast<std::size_t>(size[axis]), std::numeric_limits<float>::infinity()),
        high(low.size(), -std::numeric_limits<float>::infinity()) {
    const std::int64_t inner = axis == 0 ? size[1] * size[2] : axis == 1 ? size[2] : 1;
    const auto add = [&](std::int64_t run) {
      const auto slice = static_cast<std::size_t>(run % size[axis]);
      const auto values =
          volume.subspan(static_cast<std::size_t>(run * inner), static_cast<std::size_t>(inner));
      const auto [least, most] = std::minmax_element(values.begin(), values.end());
      low[slice] = std::min(low[slice], *least);
      high[slice] = std::max(high[slice], *most);
    };
    if (axis == 0) {
      parallel_for(size[0], add);
    } else {
      for (std::int64_t run = 0; run < size[0] * (axis == 2 ? size[1] * size[2] : size[1]); ++run) add(run);
    }
    if (separate) return;
    low.assign(low.size(), *std::min_element(low.begin(), low.end()));
    high.assign(high.size(), *std::max_element(high.begin(), high.end()));
  }
};

/// Cubic resampling of one channel.
class CubicResampler {
 public:
  CubicResampler(std::span<const float> volume, const Shape3& from, const Shape3& to,
                 std::optional<int> separate, std::span<float> out)
      : volume_(volume), from_(from), to_(to), limits_(volume, from, separate), out_(out) {
    for (int axis = 0; axis < 3; ++axis) {
      lines_.emplace_back(from[axis], to[axis], separate == axis || from[axis] == to[axis]);
      sources_[axis] = linear_taps(from[axis], to[axis], true);
    }
  }

  void run() {
    if (lines_[0].copies()) {
      run_by_slice();
    } else {
      run_volume();
    }
  }

 private:
  std::int64_t source(int axis, std::int64_t i) const {
    return sources_[axis][static_cast<std::size_t>(i)].lower;
  }

  /// Resamples a slice of the input in its plane: [to y, to x].
  std::vector<double> resample_plane(std::int64_t z) const {
    const std::int64_t size = from_[1] * from_[2];
    const float* slice = volume_.data() + z * size;
    std::vector<double> rows = lines_[1].apply(slice, from_[2]);  // [to y, from x]
    return lines_[2].apply_along_rows(rows, to_[1]);
  }

  void write_row(std::int64_t z, std::int64_t y, const double* row) {
    float* target = &out_[static_cast<std::size_t>((z * to_[1] + y) * to_[2])];
    for (std::int64_t x = 0; x < to_[2]; ++x) {
      const std::int64_t position = limits_.axis == 0 ? z : limits_.axis == 1 ? y : x;
      const auto slice = static_cast<std::size_t>(source(limits_.axis, position));
      target[x] = static_cast<float>(std::clamp<double>(row[x], limits_.low[slice], limits_.high[slice]));
    }
  }

  /// Every output slice comes from one slice of the input: memory for a plane per thread.
  void run_by_slice() {
    parallel_for(from_[0], [&](std::int64_t z_in) {
      std::vector<double> plane;
      for (std::int64_t z = 0; z < to_[0]; ++z) {
        if (source(0, z) != z_in) continue;
        if (plane.empty()) plane = resample_plane(z_in);
        for (std::int64_t y = 0; y < to_[1]; ++y) write_row(z, y, plane.data() + y * to_[2]);
      }
    });
  }

  void run_volume() {
    const std::int64_t plane_size = to_[1] * to_[2];
    const auto planes =
        std::make_unique_for_overwrite<float[]>(  // [from z, to y, to x], touched in parallel first
            static_cast<std::size_t>(from_[0] * plane_size));
    parallel_for(from_[0], [&](std::int64_t z) {
      const auto plane = resample_plane(z);
      std::transform(plane.begin(), plane.end(), planes.get() + z * plane_size,
                     [](double value) { return static_cast<float>(value); });
    });
    parallel_for(to_[1], [&](std::int64_t y) {
      const auto columns = lines_[0].apply(planes.get() + y * to_[2], to_[2], plane_size);  // [to z, to x]
      for (std::int64_t z = 0; z < to_[0]; ++z) write_row(z, y, columns.data() + z * to_[2]);
    });
  }

  std::span<const float> volume_;
  Shape3 from_, to_;
  Limits limits_;
  std::span<float> out_;
  std::vector<SplineLines> lines_;
  std::array<std::vector<LinearTap>, 3> sources_;
};

/// The label at a point between up to eight voxels, with their weights in C order.
std::int32_t vote(const std::array<std::int32_t, 8>& labels, const std::array<double, 8>& weights) {
  std::int32_t winner = 0;
  bool found = false;
  for (const std::int32_t label : labels) {
    if (found && label <= winner) continue;
    double share = 0;
    for (int k = 0; k < 8; ++k) {
      if (labels[k] == label) share += weights[k];
    }
    if (share >= 0.5) {
      winner = label;
      found = true;
    }
  }
  return winner;
}

void vote_row(const Labels& labels, const std::array<std::vector<LinearTap>, 3>& taps, std::int64_t z,
              std::int64_t y, std::int32_t* out) {
  const auto& tap_z = taps[0][static_cast<std::size_t>(z)];
  const auto& tap_y = taps[1][static_cast<std::size_t>(y)];
  const std::array<const std::int32_t*, 4> rows{
      &labels.at(0, tap_z.lower, tap_y.lower, 0), &labels.at(0, tap_z.lower, tap_y.upper, 0),
      &labels.at(0, tap_z.upper, tap_y.lower, 0), &labels.at(0, tap_z.upper, tap_y.upper, 0)};
  const std::array<double, 4> row_weights{
      tap_z.lower_weight * tap_y.lower_weight, tap_z.lower_weight * tap_y.upper_weight,
      tap_z.upper_weight * tap_y.lower_weight, tap_z.upper_weight * tap_y.upper_weight};
  for (const auto& tap : taps[2]) {
    std::array<std::int32_t, 8> corners{};
    bool uniform = true;
    for (std::size_t k = 0; k < 4; ++k) {
      corners[2 * k] = rows[k][tap.lower];
      corners[2 * k + 1] = rows[k][tap.upper];
      uniform = uniform && corners[2 * k] == corners[0] && corners[2 * k + 1] == corners[0];
    }
    if (uniform) {
      *out++ = corners[0];
      continue;
    }
    std::array<double, 8> weights{};
    for (std::size_t k = 0; k < 4; ++k) {
      weights[2 * k] = row_weights[k] * tap.lower_weight;
      weights[2 * k + 1] = row_weights[k] * tap.upper_weight;
    }
    *out++ = vote(corners, weights);
  }
}

}  // namespace

std::optional<int> separate_axis(const Vec3& current, const Vec3& target) {
  for (const Vec3& spacing : {current, target}) {
    const auto [least, most] = std::minmax_element(spacing.begin(), spacing.end());
    if (!(*most / *least > kAnisotropyThreshold)) continue;
    if (std::count(spacing.begin(), spacing.end(), *most) > 1) return {};
    return static_cast<int>(most - spacing.begin());
  }
  return {};
}

Shape3 resampled_size(const Shape3& size, const Vec3& current, const Vec3& target) {
  Shape3 resampled{};
  for (int axis = 0; axis < 3; ++axis) {
    resampled[axis] = static_cast<std::int64_t>(
        std::nearbyint(current[axis] / target[axis] * static_cast<double>(size[axis])));
  }
  return resampled;
}

Image resample_image(const Image& image, const Shape3& size, Interpolation interpolation,
                     std::optional<int> separate) {
  if (image.space() == size) return image;
  check_sizes(image.space(), size);
  Image out({image.channels(), size[0], size[1], size[2]});
  if (interpolation == Interpolation::cubic) {
    for (std::int64_t c = 0; c < image.channels(); ++c)
      CubicResampler(image.channel(c), image.space(), size, separate, out.channel(c)).run();
  } else {
    const auto taps = linear_taps(image.space(), size, separate, interpolation == Interpolation::nearest);
    resample_slab(image, size, taps, 0, size[0], out.data);
  }
  return out;
}

Labels resample_labels(const Labels& labels, const Shape3& size, std::optional<int> separate) {
  if (labels.space() == size) return labels;
  check_sizes(labels.space(), size);
  const auto taps = linear_taps(labels.space(), size, separate);
  Labels out({1, size[0], size[1], size[2]});
  parallel_for(size[0] * size[1], [&](std::int64_t i) {
    vote_row(labels, taps, i / size[1], i % size[1], out.data.data() + i * size[2]);
  });
  return out;
}

void resample_linear_slab(const Image& image, const Shape3& size, std::optional<int> separate,
                          std::int64_t z_begin, std::int64_t z_end, std::span<float> out) {
  check_sizes(image.space(), size);
  const auto expected = image.channels() * (z_end - z_begin) * size[1] * size[2];
  if (z_begin < 0 || z_end > size[0] || z_begin > z_end ||
      static_cast<std::int64_t>(out.size()) != expected) {
    fail("resample slices {} to {} of {}: expected room for {} values, got {}", z_begin, z_end, size[0],
         expected, out.size());
  }
  resample_slab(image, size, linear_taps(image.space(), size, separate), z_begin, z_end, out);
}

}  // namespace seg
