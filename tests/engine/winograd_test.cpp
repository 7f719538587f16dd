// The Winograd convolution against the sum that defines it.
#include "engine/winograd.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/rng.h"
#include "base/threads.h"
#include "engine/graph.h"
#include "ops/instruction_set.h"

namespace seg {
namespace {

using engine::Winograd;

std::vector<float> noise(std::int64_t count, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = static_cast<float>(rng.uniform(-1, 1));
  return values;
}

struct Problem {
  Winograd::Shape shape;
  std::int64_t images;
  std::vector<float> x, weights, bias;

  Problem(const Winograd::Shape& s, bool with_bias, std::int64_t n = 1)
      : shape(s),
        images(n),
        x(noise(n * s.in * s.height * s.width, 1)),
        weights(noise(s.out * s.in * 9, 2)),
        bias(with_bias ? noise(s.out, 3) : std::vector<float>()) {}

  std::size_t at(std::int64_t image, std::int64_t channels, std::int64_t c, std::int64_t y,
                 std::int64_t column) const {
    const std::int64_t block = (image * channels + c) / engine::kBlock;
    return static_cast<std::size_t>(((block * shape.height + y) * shape.width + column) * engine::kBlock +
                                    c % engine::kBlock);
  }

  std::vector<float> run(int workers) const {
    const Winograd conv(shape, weights, bias, workers);
    std::vector<float> scratch(static_cast<std::size_t>(conv.scratch_size(images) + 16));
    std::vector<float> y(static_cast<std::size_t>(images * shape.out * shape.height * shape.width), NAN);
    float* aligned = scratch.data();
    while (reinterpret_cast<std::uintptr_t>(aligned) % 64 != 0) ++aligned;
    conv.run(images, x.data(), aligned, y.data());
    return y;
  }

  double expected(std::int64_t image, std::int64_t o, std::int64_t row, std::int64_t column) const {
    double sum = bias.empty() ? 0 : bias[static_cast<std::size_t>(o)];
    for (std::int64_t i = 0; i < shape.in; ++i) {
      for (std::int64_t k = 0; k < 9; ++k) {
        const std::int64_t r = row + k / 3 - 1, c = column + k % 3 - 1;
        if (r < 0 || c < 0 || r >= shape.height || c >= shape.width) continue;
        sum += static_cast<double>(x[at(image, shape.in, i, r, c)]) *
               weights[static_cast<std::size_t>((o * shape.in + i) * 9 + k)];
      }
    }
    return sum;
  }

  /// Relative L2 distance from the definition.
  double error() const {
    const auto y = run(1);
    double difference = 0, size = 0;
    for (std::int64_t image = 0; image < images; ++image) {
      for (std::int64_t o = 0; o < shape.out; ++o) {
        for (std::int64_t row = 0; row < shape.height; ++row) {
          for (std::int64_t column = 0; column < shape.width; ++column) {
            const double reference = expected(image, o, row, column);
            difference += std::pow(y[at(image, shape.out, o, row, column)] - reference, 2);
            size += reference * reference;
          }
        }
      }
    }
    return std::sqrt(difference / size);
  }
};

constexpr double kTolerance = 1.5e-6;  // the transforms' rounding; a wrong weight or pixel would give 1e-2

TEST(Winograd, IsTheConvolution) {
  // Channels for every width of the kernel, maps that end within a tile, one tile, several bands and spans.
  for (const Winograd::Shape& shape : {Winograd::Shape{48, 96, 16, 12},
                                       {16, 32, 9, 14},
                                       {80, 16, 7, 7},
                                       {96, 48, 33, 30},
                                       {32, 480, 20, 20},
                                       {16, 16, 4, 4},
                                       {144, 144, 3, 5}}) {
    for (const bool with_bias : {false, true}) {
      EXPECT_LE(Problem(shape, with_bias).error(), kTolerance)
          << shape.in << " to " << shape.out << ", " << shape.height << "x" << shape.width;
    }
  }
}

TEST(Winograd, IsTheConvolutionOfEveryImage) {
  // Tasks that begin and end within an image: 12 tiles each, 60 in two bands; and one tile each.
  EXPECT_LE(Problem({32, 48, 15, 10}, true, 5).error(), kTolerance);
  EXPECT_LE(Problem({16, 32, 4, 3}, false, 7).error(), kTolerance);
}

TEST(Winograd, GivesTheSameForAnyNumberOfImages) {
  const Problem five({32, 96, 15, 10}, true, 5);
  const auto together = five.run(2);
  const std::size_t in = five.x.size() / 5, out = together.size() / 5;
  for (std::size_t i = 0; i < 5; ++i) {
    Problem one({32, 96, 15, 10}, true);
    one.x = {five.x.data() + i * in, five.x.data() + (i + 1) * in};
    const auto alone = one.run(1);
    EXPECT_TRUE(std::equal(alone.begin(), alone.end(), together.data() + i * out)) << "image " << i;
  }
}

TEST(Winograd, IsTheConvolutionWithEveryInstructionSet) {
  for (const auto& name : instruction_sets()) {
    use_instruction_set(name);
    EXPECT_LE(Problem({48, 64, 10, 9}, true).error(), kTolerance) << name;
  }
  use_instruction_set("");
}

TEST(Winograd, GivesTheSameForAnyNumberOfThreads) {
  const Problem problem({64, 192, 30, 34}, false);
  const auto alone = problem.run(1);
  set_thread_count(3);
  EXPECT_EQ(problem.run(3), alone);
  set_thread_count(0);
}

TEST(Winograd, PaysWhereTilesAreFull) {
  EXPECT_TRUE(Winograd::pays({48, 48, 20, 20}));
  EXPECT_TRUE(Winograd::pays({48, 48, 10, 10}));
  EXPECT_FALSE(Winograd::pays({48, 48, 2, 2}));
  EXPECT_FALSE(Winograd::pays({1, 48, 320, 320}));
  EXPECT_FALSE(Winograd::pays({48, 4, 320, 320}));
}

}  // namespace
}  // namespace seg
