// Layers in int8 against plain sums of the same whole numbers, and how their scales are chosen.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <dnnl.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>

#include "engine/int8_kernels.h"
#include "engine/int8_weights.h"
#include "engine/kernels.h"
#include "engine/layers.h"
#include "support/errors.h"
#include "weights/array_values.h"

namespace seg::engine {
namespace {

using testing::error_of;
using ::testing::HasSubstr;

using Values = std::vector<float>;

Values noise(std::int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  Values values(static_cast<std::size_t>(count));
  for (float& value : values) value = normal(random);
  return values;
}

std::int64_t place(const Map& map, std::int64_t channel, std::int64_t pixel) {
  if (map.layout == Layout::planar) return channel * map.pixels() + pixel;
  const Strides strides = map.strides();
  return channel / kBlock * strides.block + pixel * strides.pixel + channel % kBlock;
}

/// The whole number that stands for a value, less the one that stands for zero.
int rounded(float value, const Int8Scale& scale) {
  const int number = static_cast<int>(std::nearbyint(value * (1 / scale.scale)));
  return std::clamp(number + scale.zero_point, -128, 127) - scale.zero_point;
}

/// A network of one layer, its weights in int8, and its input.
class Int8Layer : public ::testing::TestWithParam<Layout> {
 protected:
  static constexpr std::int64_t kIn = 32, kOut = 48, kHeight = 6, kWidth = 10, kPixels = kHeight * kWidth;

  /// Where there is no VNNI, oneDNN halves the weights of convolutions so that pairs of products fit into 16
  /// bits.
  static bool sums_are_exact() {
    using dnnl::cpu_isa;
    constexpr std::array kWithoutVnni{cpu_isa::sse41, cpu_isa::avx, cpu_isa::avx2, cpu_isa::avx512_core};
    return std::ranges::find(kWithoutVnni, dnnl::get_effective_cpu_isa()) == kWithoutVnni.end();
  }

  void set_weight(const std::vector<std::int64_t>& shape, std::size_t out_axis) {
    out_axis_ = out_axis;
    inner_ = shape.size() == 4 ? shape[2] * shape[3] : 1;
    weight_ = noise(shape[0] * shape[1] * inner_, 1);
    Calibration calibration;
    CalibratedLayer& layer = calibration["layer"];
    layer.out_axis = out_axis;
    layer.input.add(Values{-1, 3});
    arrays_ = {{"layer.weight", TensorType::f32, shape, std::as_bytes(std::span(weight_))},
               {"layer.bias", TensorType::f32, {kOut}, std::as_bytes(std::span(bias_))}};
    int8_ = std::make_unique<Int8Weights>(arrays_, calibration);
  }
  const TensorView& array(const std::string& name) const {
    for (const TensorView& array : int8_->arrays()) {
      if (array.name == name) return array;
    }
    throw std::logic_error(name);
  }

  /// Runs the layer that `build` makes of the input.
  template <class Build>
  void run(Build build) {
    const Parameters parameters(int8_->arrays());
    Graph graph;
    Builder builder(graph, parameters);
    const Map image = graph.external(kIn, kHeight, kWidth);
    const Map x = builder.in_layout(image, GetParam());
    y_ = build(builder, x);
    Map out = graph.external(y_.channels, y_.height, y_.width);
    builder.copy(y_, out);
    y_ = out;
    graph.plan();
    outputs_.resize(static_cast<std::size_t>(y_.size()));
    graph.run({input_.data(), outputs_.data()});
  }
  float output(std::int64_t channel, std::int64_t row, std::int64_t column) const {
    return outputs_[static_cast<std::size_t>(place(y_, channel, row * y_.width + column))];
  }

  std::int64_t input(std::int64_t channel, std::int64_t row, std::int64_t column) const {
    if (row < 0 || column < 0 || row >= kHeight || column >= kWidth) return 0;
    return rounded(input_[static_cast<std::size_t>((channel * kHeight + row) * kWidth + column)], scale());
  }
  std::int64_t weight(std::int64_t first, std::int64_t second, std::int64_t tap) const {
    const std::int64_t columns = out_axis_ == 0 ? kIn : kOut;
    return static_cast<std::int8_t>(
        array("layer.weight").bytes[static_cast<std::size_t>((first * columns + second) * inner_ + tap)]);
  }
  Int8Scale scale() const {
    return {float_values(array("layer.input_scale"))[0],
            static_cast<std::int8_t>(array("layer.input_zero_point").bytes[0])};  // little endian
  }
  /// What a sum of whole numbers stands for.
  double value(std::int64_t sum, std::int64_t channel) const {
    const auto c = static_cast<std::size_t>(channel);
    return static_cast<double>(sum) * scale().scale * float_values(array("layer.weight_scale"))[c] + bias_[c];
  }

  Values input_ = noise(kIn * kPixels, 2), bias_ = noise(kOut, 3), weight_, outputs_;
  std::size_t out_axis_ = 0;
  std::int64_t inner_ = 1;
  std::vector<TensorView> arrays_;
  std::unique_ptr<Int8Weights> int8_;
  Map y_;
};

TEST_P(Int8Layer, ConvolvesWholeNumbers) {
  if (!sums_are_exact()) GTEST_SKIP() << "no VNNI";
  set_weight({kOut, kIn, 3, 3}, 0);
  for (const std::int64_t stride : {1, 2}) {
    run([&](Builder& builder, const Map& x) { return builder.conv("layer", x, kOut, {3, stride, 1}, true); });
    ASSERT_EQ(y_.height, kHeight / stride);
    for (std::int64_t o = 0; o < kOut; o += 7) {
      for (std::int64_t row = 0; row < y_.height; ++row) {
        for (std::int64_t column = 0; column < y_.width; ++column) {
          std::int64_t sum = 0;
          for (std::int64_t i = 0; i < kIn; ++i) {
            for (std::int64_t tap = 0; tap < 9; ++tap)
              sum += weight(o, i, tap) * input(i, row * stride + tap / 3 - 1, column * stride + tap % 3 - 1);
          }
          ASSERT_NEAR(output(o, row, column), value(sum, o), 1e-4);
        }
      }
    }
  }
}

TEST_P(Int8Layer, TransposesConvolutions) {
  if (!sums_are_exact()) GTEST_SKIP() << "no VNNI";
  set_weight({kIn, kOut, 2, 2}, 1);
  run([&](Builder& builder, const Map& x) {
    const Map y = builder.graph().map(kOut, 2 * kHeight, 2 * kWidth, Layout::blocked);
    builder.transposed_conv("layer", x, y, true);
    return y;
  });
  for (std::int64_t o = 0; o < kOut; ++o) {
    for (std::int64_t row = 0; row < y_.height; ++row) {
      for (std::int64_t column = 0; column < y_.width; ++column) {
        std::int64_t sum = 0;
        for (std::int64_t i = 0; i < kIn; ++i)
          sum += weight(i, o, row % 2 * 2 + column % 2) * input(i, row / 2, column / 2);
        ASSERT_NEAR(output(o, row, column), value(sum, o), 1e-4);
      }
    }
  }
}

TEST_P(Int8Layer, MultipliesTokensAndAddsOntoOthers) {
  set_weight({kOut, kIn}, 0);
  run([&](Builder& builder, const Map& x) {
    const Map y = builder.linear("layer", builder.in_layout(x, Layout::pixels), kOut, true);
    builder.linear_onto("layer", builder.in_layout(x, Layout::pixels), y);
    return y;
  });
  for (std::int64_t o = 0; o < kOut; ++o) {
    for (std::int64_t pixel = 0; pixel < kPixels; ++pixel) {
      std::int64_t sum = 0;
      for (std::int64_t i = 0; i < kIn; ++i)
        sum += weight(o, i, 0) * input(i, pixel / kWidth, pixel % kWidth);
      ASSERT_NEAR(output(o, pixel / kWidth, pixel % kWidth), value(2 * sum, o), 1e-4);
    }
  }
}

TEST_P(Int8Layer, SplitsRowsAndColumns) {
  set_weight({kOut, kIn}, 0);
  run([&](Builder& builder, const Map& x) {
    const Map tokens = builder.in_layout(x, Layout::pixels);
    return builder.linear("layer", tokens, kOut, false, Builder::Finish::silu, Builder::Rows{16, 32});
  });
  for (std::int64_t o = 0; o < 32; ++o) {
    std::int64_t sum = 0;
    for (std::int64_t i = 0; i < kIn; ++i) sum += weight(16 + o, i, 0) * input(i, 1, 2);
    const double plain = value(sum, 16 + o) - bias_[static_cast<std::size_t>(16 + o)];
    ASSERT_NEAR(output(o, 1, 2), plain / (1 + std::exp(-plain)), 1e-4);
  }
  // The map beside itself, with the first half of the channels of each.
  run([&](Builder& builder, const Map& x) {
    Map half = builder.in_layout(x, Layout::blocked);
    half = builder.in_layout(half.channels_from(0, kIn / 2), Layout::pixels);
    return builder.linear_of_two("layer", half, half, kOut);
  });
  for (std::int64_t o = 0; o < kOut; ++o) {
    std::int64_t sum = 0;
    for (std::int64_t i = 0; i < kIn; ++i) sum += weight(o, i, 0) * input(i % (kIn / 2), 1, 2);
    ASSERT_NEAR(output(o, 1, 2), value(sum, o), 1e-4);
  }
}

INSTANTIATE_TEST_SUITE_P(Layouts, Int8Layer, ::testing::Values(Layout::pixels, Layout::blocked),
                         [](const auto& instance) {
                           return instance.param == Layout::pixels ? "pixels" : "blocked";
                         });

/// A map of 48 channels in both layouts.
struct TwoLayouts {
  static constexpr std::int64_t kChannels = 48, kHeight = 50, kWidth = 41, kPixels = kHeight * kWidth;
  static constexpr MapsShape kShape{1, kChannels, kHeight, kWidth};
  explicit TwoLayouts(unsigned seed)
      : blocked_values(noise(kChannels * kPixels, seed)), pixels_values(blocked_values.size()) {
    for (std::int64_t c = 0; c < kChannels; ++c) {
      for (std::int64_t p = 0; p < kPixels; ++p)
        pixels_values[static_cast<std::size_t>(place(pixels, c, p))] =
            blocked_values[static_cast<std::size_t>(place(blocked, c, p))];
    }
  }
  Map blocked{0, 0, kChannels, kHeight, kWidth, Layout::blocked}, pixels{0, 0, kChannels, kHeight, kWidth};
  Values blocked_values, pixels_values;
};

TEST(Int8Kernels, RoundToTheNearestWholeNumber) {
  const TwoLayouts map(4);
  constexpr Int8Scale kScale{0.01f, -50};  // cuts off what is below -0.78 and above 1.77
  for (const bool blocked : {false, true}) {
    std::vector<std::int8_t> y(map.pixels_values.size());
    quantize(blocked ? map.blocked.strides() : map.pixels.strides(), TwoLayouts::kShape, kScale,
             blocked ? map.blocked_values.data() : map.pixels_values.data(), y.data());
    for (std::size_t i = 0; i < y.size(); ++i)
      ASSERT_EQ(y[i] - kScale.zero_point, rounded(map.pixels_values[i], kScale));
  }
}

TEST(Int8Kernels, NormsAndUpsamplingAreTheSameInBothLayouts) {
  TwoLayouts map(5);
  const TwoLayouts other(6);
  const auto norm = [&](const Map& layout, Values& x, const Map& other_layout, const Values& b) {
    const Residual residual{{b.data(), other_layout.strides()}, false};
    instance_norm({x.data(), layout.strides()}, &residual, TwoLayouts::kShape, 0.01f, x.data());
  };
  norm(map.blocked, map.blocked_values, other.blocked, other.blocked_values);
  norm(map.pixels, map.pixels_values, other.blocked, other.blocked_values);
  Values y(4 * map.blocked_values.size()), of_pixels(y.size());
  const auto upsampled = [&](const Map& layout, const Values& x, Values& to) {
    upsample({2, 2, 0, layout.strides()}, TwoLayouts::kShape, x.data(), to.data());
  };
  upsampled(map.blocked, map.blocked_values, y);
  upsampled(map.pixels, map.pixels_values, of_pixels);
  EXPECT_EQ(y, of_pixels);
  EXPECT_EQ(y[static_cast<std::size_t>((2 * TwoLayouts::kWidth + 1) * kBlock + 3)], map.blocked_values[3]);
}

double mean_square_loss(const Values& values, const Int8Scale& scale) {
  double sum = 0;
  for (const float value : values)
    sum += std::pow(double{value} - double{scale.scale} * rounded(value, scale), 2);
  return sum / static_cast<double>(values.size());
}

TEST(InputHistogram, FindsTheScaleThatLosesLeast) {
  Values values = noise(100000, 7);
  for (float& value : values) value = value > 0 ? value : value / 10;
  values.push_back(1000);  // alone, and so cut off
  InputHistogram histogram;
  histogram.add(values);
  const Int8Scale best = histogram.best_scale();
  const double loss = mean_square_loss(values, best);
  for (const float factor : {0.5f, 0.8f, 1.f, 1.25f, 2.f}) {
    for (const int shift : {-40, -10, 0, 10, 40})
      EXPECT_LE(loss, 1.02 * mean_square_loss(values, {best.scale * factor, best.zero_point + shift}))
          << factor << " " << shift;
  }
}

TEST(InputHistogram, ReachesFromTheLeastToTheLargestOfFewValues) {
  InputHistogram histogram;
  EXPECT_EQ(histogram.best_scale(), Int8Scale());
  histogram.add(Values(10, 0));
  EXPECT_EQ(histogram.best_scale(), Int8Scale());
  histogram.add(Values{INFINITY, NAN});
  histogram.add(Values(10, 6.f));
  EXPECT_NEAR(histogram.best_scale().scale, 6. / 255, 0.02 * 6 / 255);
  EXPECT_EQ(histogram.best_scale().zero_point, -128);
  histogram.add(Values(10, -6.f));
  EXPECT_NEAR(histogram.best_scale().scale, 12. / 255, 0.02 * 12 / 255);
  EXPECT_NEAR(histogram.best_scale().zero_point, 0, 1);
}

TEST(Int8Weights, RoundEveryChannelWithAScaleOfItsOwn) {
  Values values = noise(6 * 20, 8);
  for (std::size_t i = 0; i < 20; ++i) values[i] *= 100, values[20 + i] = 0;
  const std::vector<TensorView> arrays{
      {"a.weight", TensorType::f32, {6, 20}, std::as_bytes(std::span(values))},
      {"b.weight", TensorType::f32, {6, 20}, std::as_bytes(std::span(values))}};
  const Int8Weights int8(arrays, {{"a", {}}});
  ASSERT_EQ(int8.arrays().size(), 5u);
  EXPECT_EQ(int8.arrays()[4].bytes.data(), arrays[1].bytes.data()) << "was not calibrated";
  const auto scales = float_values(int8.arrays()[1]);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto number = static_cast<std::int8_t>(int8.arrays()[0].bytes[i]);
    EXPECT_NEAR(number * scales[i / 20], values[i], 0.501 * scales[i / 20]);
  }
  EXPECT_GT(scales[0], 20 * scales[2]);
  EXPECT_THAT(error_of([&] { Int8Weights(arrays, {{"c", {}}}); }), HasSubstr("only 0 of them have weights"));
}

TEST(Int8Weights, MustHaveScales) {
  const std::vector<std::int8_t> values(16 * 16);
  const float zero = 0, one = 1;
  const Values scales(16, 1);
  const auto complaint = [&](const float& input_scale, std::size_t count) {
    const std::vector<TensorView> arrays{
        {"a.weight", TensorType::i8, {16, 16}, std::as_bytes(std::span(values))},
        {"a.weight_scale",
         TensorType::f32,
         {static_cast<std::int64_t>(count)},
         std::as_bytes(std::span(scales).first(count))},
        {"a.input_scale", TensorType::f32, {1}, std::as_bytes(std::span(&input_scale, 1))},
        {"a.input_zero_point", TensorType::i32, {1}, std::as_bytes(std::span(values).first(4))}};
    return error_of([&] { Parameters(arrays).weight("a", {16, 16}); });
  };
  EXPECT_THAT(complaint(zero, 16), HasSubstr("a: expected positive scales, got 0"));
  EXPECT_THAT(complaint(one, 15), HasSubstr("a.weight_scale should have the shape [16], got [15]"));
}

}  // namespace
}  // namespace seg::engine
