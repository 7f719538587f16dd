#include "image/resample.h"

#include <gtest/gtest.h>

#include <set>

#include "base/error.h"
#include "base/threads.h"
#include "support/goldens.h"
#include "support/tolerances.h"

namespace seg {
namespace {

using testing::formula_values;

Image random_image(const Shape4& shape) {
  Image image(shape);
  image.data = formula_values("resample", image.count(), 1.0, 4.0);
  return image;
}

Labels random_labels(const Shape3& size, int classes) {
  Labels labels({1, size[0], size[1], size[2]});
  const auto values = formula_values("labels", labels.count(), 0.5 * classes, 0.5 * classes);
  std::transform(values.begin(), values.end(), labels.data.begin(),
                 [](float v) { return static_cast<std::int32_t>(v) - 1; });  // -1 ... classes - 2
  return labels;
}

double difference(const std::vector<float>& got, const std::vector<double>& expected) {
  return testing::max_abs_difference(std::span(got), std::span(expected));
}

double centre(std::int64_t i, std::int64_t from, std::int64_t to) {
  return (static_cast<double>(i) + 0.5) * static_cast<double>(from) / static_cast<double>(to) - 0.5;
}

/// One line by solving the spline's equations: (c[i-1] + 4 c[i] + c[i+1]) / 6 = s[i] on a signal that is
/// continued by many edge samples.
std::vector<double> cubic_line(const std::vector<double>& line, std::int64_t to) {
  constexpr int kEdge = 40;
  const auto from = static_cast<std::int64_t>(line.size());
  const std::int64_t n = from + 2 * kEdge;
  std::vector<double> diagonal(static_cast<std::size_t>(n), 4.0), c(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) c[i] = 6.0 * line[std::clamp<std::int64_t>(i - kEdge, 0, from - 1)];
  diagonal.front() = diagonal.back() = 5.0;  // the first and last coefficient repeat outside
  for (std::int64_t i = 1; i < n; ++i) {
    diagonal[i] -= 1.0 / diagonal[i - 1];
    c[i] -= c[i - 1] / diagonal[i - 1];
  }
  c[n - 1] /= diagonal[n - 1];
  for (std::int64_t i = n - 1; i-- > 0;) c[i] = (c[i] - c[i + 1]) / diagonal[i];
  std::vector<double> out;
  for (std::int64_t i = 0; i < to; ++i) {
    const double x = centre(i, from, to) + kEdge;
    double sum = 0;
    for (std::int64_t k = 0; k < n; ++k) {
      const double d = std::abs(x - static_cast<double>(k));
      const double weight = d < 1 ? (4 - 6 * d * d + 3 * d * d * d) / 6 : d < 2 ? std::pow(2 - d, 3) / 6 : 0;
      sum += weight * c[k];
    }
    out.push_back(sum);
  }
  return out;
}

std::vector<double> linear_line(const std::vector<double>& line, std::int64_t to) {
  const auto from = static_cast<std::int64_t>(line.size());
  std::vector<double> out;
  for (std::int64_t i = 0; i < to; ++i) {
    const double x = std::clamp(centre(i, from, to), 0.0, static_cast<double>(from - 1));
    const auto below = static_cast<std::int64_t>(x);
    out.push_back(line[below] + (line[std::min(below + 1, from - 1)] - line[below]) * (x - std::floor(x)));
  }
  return out;
}

std::vector<double> nearest_line(const std::vector<double>& line, std::int64_t to) {
  const auto from = static_cast<std::int64_t>(line.size());
  std::vector<double> out;
  for (std::int64_t i = 0; i < to; ++i)
    out.push_back(line[static_cast<std::size_t>(
        std::clamp(centre(i, from, to), 0.0, static_cast<double>(from - 1)) + 0.5)]);
  return out;
}

using Line = std::vector<double> (*)(const std::vector<double>&, std::int64_t);

/// Plain reference: each axis in turn, every line on its own.
std::vector<double> along_axes(const Image& image, const Shape3& to, const std::array<Line, 3>& lines) {
  std::vector<double> values(image.data.begin(), image.data.end());
  Shape3 size = image.space();
  for (int axis = 0; axis < 3; ++axis) {
    Shape3 next = size;
    next[axis] = to[axis];
    const auto at = [](const Shape3& s, std::int64_t z, std::int64_t y, std::int64_t x) {
      return static_cast<std::size_t>((z * s[1] + y) * s[2] + x);
    };
    std::vector<double> out(static_cast<std::size_t>(next[0] * next[1] * next[2]));
    Shape3 start = size;
    start[axis] = 1;
    for (std::int64_t z = 0; z < start[0]; ++z) {
      for (std::int64_t y = 0; y < start[1]; ++y) {
        for (std::int64_t x = 0; x < start[2]; ++x) {
          Shape3 p{z, y, x};
          std::vector<double> line;
          for (p[axis] = 0; p[axis] < size[axis]; ++p[axis])
            line.push_back(values[at(size, p[0], p[1], p[2])]);
          const auto made = lines[axis](line, to[axis]);
          for (p[axis] = 0; p[axis] < to[axis]; ++p[axis]) out[at(next, p[0], p[1], p[2])] = made[p[axis]];
        }
      }
    }
    values = std::move(out);
    size = next;
  }
  return values;
}

void clip(std::vector<double>& values, const Image& to_range_of) {
  const auto [low, high] = std::minmax_element(to_range_of.data.begin(), to_range_of.data.end());
  for (auto& value : values) value = std::clamp<double>(value, *low, *high);
}

const std::vector<Shape3> kSizes{{7, 13, 9}, {20, 10, 31}, {11, 1, 40}, {7, 30, 9}, {11, 13, 10}};

TEST(ResampleImage, CubicEqualsTheSolvedSpline) {
  const Image image = random_image({1, 11, 13, 17});
  for (const auto& size : kSizes) {
    auto expected = along_axes(image, size, {cubic_line, cubic_line, cubic_line});
    clip(expected, image);
    const Image got = resample_image(image, size, Interpolation::cubic);
    EXPECT_LT(difference(got.data, expected), testing::kSplineReference);
  }
}

TEST(ResampleImage, LinearAndNearestEqualTheReference) {
  const Image image = random_image({1, 11, 13, 17});
  for (const auto& size : kSizes) {
    EXPECT_LT(difference(resample_image(image, size, Interpolation::linear).data,
                         along_axes(image, size, {linear_line, linear_line, linear_line})),
              testing::kSplineReference);
    EXPECT_EQ(difference(resample_image(image, size, Interpolation::nearest).data,
                         along_axes(image, size, {nearest_line, nearest_line, nearest_line})),
              0);
  }
}

TEST(ResampleImage, SeparateAxisIsNearestAndClipsEachSlice) {
  Image image = random_image({1, 6, 7, 8});
  for (int axis = 0; axis < 3; ++axis) {
    std::array<Line, 3> lines{cubic_line, cubic_line, cubic_line};
    lines[axis] = nearest_line;
    Shape3 size{15, 16, 19};
    size[axis] = 9;
    const Image got = resample_image(image, size, Interpolation::cubic, axis);
    auto expected = along_axes(image, size, lines);
    // Clip each output slice to the range of the input slice it came from.
    for (std::int64_t i = 0; i < got.count(); ++i) {
      const std::array<std::int64_t, 3> p{i / (size[1] * size[2]), i / size[2] % size[1], i % size[2]};
      const auto n = image.space()[axis];
      const auto source = static_cast<std::int64_t>(
          std::clamp(centre(p[axis], n, size[axis]), 0.0, static_cast<double>(n - 1)) + 0.5);
      float low = INFINITY, high = -INFINITY;
      for (std::int64_t k = 0; k < image.count(); ++k) {
        const std::array<std::int64_t, 3> q{k / 56, k / 8 % 7, k % 8};
        if (q[axis] != source) continue;
        low = std::min(low, image.data[k]);
        high = std::max(high, image.data[k]);
      }
      expected[i] = std::clamp<double>(expected[i], low, high);
    }
    EXPECT_LT(difference(got.data, expected), testing::kSplineReference);
  }
}

TEST(ResampleImage, IsEqualForAnyNumberOfThreads) {
  const Image image = random_image({2, 9, 30, 31});
  const auto run = [&](int threads) {
    set_thread_count(threads);
    auto data = resample_image(image, {14, 40, 25}, Interpolation::cubic).data;
    const auto flat = resample_image(image, {9, 17, 63}, Interpolation::cubic, 0).data;
    data.insert(data.end(), flat.begin(), flat.end());
    set_thread_count(0);
    return data;
  };
  EXPECT_EQ(run(1), run(4));
}

TEST(ResampleImage, KeepsConstantsAndEqualSizes) {
  const Image flat({1, 3, 5, 1}, 2.5f);
  EXPECT_EQ(resample_image(flat, {6, 4, 7}, Interpolation::cubic), Image({1, 6, 4, 7}, 2.5f));
  const Image image = random_image({2, 3, 4, 5});
  EXPECT_EQ(resample_image(image, image.space(), Interpolation::cubic), image);
  EXPECT_THROW(resample_image(image, {3, 0, 5}, Interpolation::cubic), Error);
}

TEST(ResampleLabels, EqualsAnIndicatorPerLabel) {
  for (const Shape3& from : {Shape3{5, 8, 9}, Shape3{1, 12, 11}}) {
    const Labels labels = random_labels(from, 4);
    for (const Shape3& size : {Shape3{10, 16, 18}, Shape3{3, 20, 5}, Shape3{1, 3, 33}}) {
      Labels expected({1, size[0], size[1], size[2]});
      for (const auto label : std::set<std::int32_t>(labels.data.begin(), labels.data.end())) {
        Image indicator({1, from[0], from[1], from[2]});
        std::transform(labels.data.begin(), labels.data.end(), indicator.data.begin(),
                       [&](std::int32_t v) { return v == label ? 1.0f : 0.0f; });
        const auto share = along_axes(indicator, size, {linear_line, linear_line, linear_line});
        for (std::size_t i = 0; i < share.size(); ++i) {
          if (share[i] >= 0.5) expected.data[i] = label;
        }
      }
      // Dyadic factors make exact ties, which both sides must see; other factors have none to disagree on.
      EXPECT_EQ(resample_labels(labels, size), expected) << size[0] << " " << size[1] << " " << size[2];
    }
  }
}

TEST(ResampleLinearSlab, SlabsMakeUpTheWhole) {
  const Image image = random_image({3, 7, 8, 9});
  const Shape3 size{12, 5, 20};
  for (const std::optional<int> separate :
       {std::optional<int>{}, std::optional<int>{0}, std::optional<int>{2}}) {
    const Image whole = resample_image(image, size, Interpolation::linear, separate);
    for (const auto& [begin, end] :
         std::vector<std::pair<std::int64_t, std::int64_t>>{{0, 5}, {5, 6}, {6, 12}, {4, 4}}) {
      std::vector<float> slab(static_cast<std::size_t>(3 * (end - begin) * 100));
      resample_linear_slab(image, size, separate, begin, end, slab);
      for (std::int64_t c = 0; c < 3; ++c) {
        const auto part = whole.channel(c).subspan(static_cast<std::size_t>(begin * 100),
                                                   static_cast<std::size_t>((end - begin) * 100));
        EXPECT_TRUE(std::equal(part.begin(), part.end(), slab.begin() + c * (end - begin) * 100));
      }
    }
  }
  std::vector<float> small(10);
  EXPECT_THROW(resample_linear_slab(image, size, {}, 0, 5, small), Error);
}

TEST(SeparateAxis, FollowsTheCurrentSpacingThenTheNewOne) {
  EXPECT_EQ(separate_axis({5, 1, 1}, {1, 1, 1}), 0);
  EXPECT_EQ(separate_axis({1, 1, 3}, {1, 1, 1}), std::nullopt);  // exactly three is not more
  EXPECT_EQ(separate_axis({1, 1, 1}, {1, 4, 1}), 1);
  EXPECT_EQ(separate_axis({1, 1, 5}, {5, 1, 1}), 2);
  EXPECT_EQ(separate_axis({1, 4, 4}, {5, 1, 1}), std::nullopt);  // shared: no look at the new spacing
}

TEST(ResampledSize, RoundsHalfToEven) {
  EXPECT_EQ(resampled_size({5, 7, 10}, {0.5, 0.5, 1}, {1, 1, 4}), (Shape3{2, 4, 2}));
}

}  // namespace
}  // namespace seg
