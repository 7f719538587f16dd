// The engine's networks against the reference's outputs.
#include "engine/engine.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <deque>

#include "base/json.h"
#include "base/npy.h"
#include "base/threads.h"
#include "engine/int8_weights.h"
#include "support/errors.h"
#include "support/goldens.h"
#include "support/tolerances.h"

namespace seg {
namespace {

using testing::error_of;
using ::testing::HasSubstr;
using testing::max_abs_difference;

/// Reference numbers of one instance of a network.
struct Golden {
  const char *network, *file;
  void PrintTo(std::ostream* out) const { *out << file; }
};

class GoldenEngine : public ::testing::TestWithParam<Golden> {
 protected:
  void SetUp() override {
    SEG_REQUIRE_SHARED("goldens/networks");
    json_ =
        read_json(testing::shared_folder() / "goldens/networks" / (GetParam().file + std::string(".json")));
    for (const Json& entry : json_["entries"]) {
      if (entry.contains("alias_of")) continue;
      const auto name = entry["name"].get<std::string>();
      const auto shape = entry["shape"].get<std::vector<std::int64_t>>();
      values_.push_back(testing::formula_weight_values(name, shape));
      weights_.push_back({name, TensorType::f32, shape, std::as_bytes(std::span(values_.back()))});
    }
    const auto shape = json_["input"]["shape"].get<std::vector<std::int64_t>>();
    images_ = static_cast<std::size_t>(shape[0]);
    image_ = {shape[1], json_["classes"].get<std::int64_t>(), shape[2], shape[3]};
    if (const auto plan = get_or<Json>(json_, "plan", nullptr); !plan.is_null()) {
      auto& [strides, kernels, convs_encoder, convs_decoder, base, most] = image_.topology;
      plan.at("strides").get_to(strides);
      plan.at("kernels").get_to(kernels);
      convs_encoder.assign(strides.size(), 2);
      convs_decoder.assign(strides.size() - 1, 2);
      multiple_ = total_stride(image_.topology)[0];
    }
    input_ = testing::formula_values("input", shape[0] * shape[1] * shape[2] * shape[3], 0, std::sqrt(3.0));
  }

  /// What rounding may do to the network's logits.
  double noise() const {
    return testing::kNetworkNoiseFactor * json_["outputs"][0]["max_abs_diff_to_float64_run"].get<double>();
  }

  /// Several images at once and one by one: some of oneDNN's products add up in an order that depends on the
  /// number of rows.
  void expect_the_same_together(engine::Engine& engine, double tolerance) const {
    const auto apart = [](std::span<const float> a, std::span<const float> b) {
      return max_abs_difference(a, b);
    };
    const std::size_t in = input_.size() / images_;
    const auto out = static_cast<std::size_t>(image_.classes * image_.height * image_.width);
    const auto images = testing::formula_values("images", static_cast<std::int64_t>(5 * in), 0, 1);
    std::vector<std::vector<float>> alone(5, std::vector<float>(out));
    for (std::size_t i = 0; i < alone.size(); ++i)
      engine.run(std::span(images).subspan(i * in, in), alone[i]);
    EXPECT_GT(apart(alone[0], alone[1]), 10 * tolerance);
    for (const std::size_t count : {2, 5}) {  // memory grows
      std::vector<float> together(count * out);
      engine.run(std::span(images).first(count * in), together);
      for (std::size_t i = 0; i < count; ++i) {
        EXPECT_LE(apart(alone[i], std::span(together).subspan(i * out, out)), tolerance)
            << "image " << i << " of " << count;
      }
    }
  }

  Json json_;
  std::deque<std::vector<float>> values_;
  std::vector<TensorView> weights_;
  engine::ImageShape image_;
  std::int64_t multiple_ = 32;  // of the sizes it takes
  std::size_t images_ = 0;      // in the input
  std::vector<float> input_;
};

TEST_P(GoldenEngine, MatchesTheReferencesOutput) {
  engine::Engine engine(GetParam().network, image_, weights_);
  const Json& expected = json_["outputs"][0];
  // Where the reference's own rounding is large, its float64 run is the truth.
  const auto file = get_or<std::string>(expected, "float64_run_file", expected["file"]);
  const NpyFile golden(testing::shared_folder() / "goldens/networks" / file);
  const auto reference = golden.values<float>();
  const std::size_t in = input_.size() / images_, out = reference.size() / images_;
  for (std::size_t n = 0; n < images_; ++n) {
    std::vector<float> logits(out);
    engine.run(std::span<const float>(input_).subspan(n * in, in), logits);
    EXPECT_LE(max_abs_difference(std::span<const float>(logits), reference.subspan(n * out, out)), noise());
  }
}

TEST_P(GoldenEngine, GivesTheSameForAnyNumberOfThreads) {
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 2, 3}) {
    set_thread_count(threads);
    engine::Engine engine(GetParam().network, image_, weights_);
    results.emplace_back(static_cast<std::size_t>(image_.classes * image_.height * image_.width));
    engine.run(std::span(input_).first(input_.size() / images_), results.back());
  }
  set_thread_count(0);
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

TEST_P(GoldenEngine, GivesTheSameForAnyNumberOfImages) {
  engine::Engine engine(GetParam().network, image_, weights_);
  expect_the_same_together(engine, noise());
  std::vector<float> wrong(input_.size() / images_ + 1);
  EXPECT_THAT(error_of([&] { engine.run(wrong, wrong); }),
              HasSubstr(fmt::format("got {} values in", wrong.size())));
}

TEST_P(GoldenEngine, IsNearlyTheSameInInt8) {
  constexpr double kInt8Edge = 0.1;  // of logits that are some units apart: few numbers are rounded otherwise
  const auto image = std::span(input_).first(input_.size() / images_);
  std::vector<float> expected(static_cast<std::size_t>(image_.classes * image_.height * image_.width));
  engine::Calibration calibration;
  engine::Engine(GetParam().network, image_, weights_, {}, &calibration).run(image, expected);
  const engine::Int8Weights int8(weights_, calibration);
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 2}) {
    set_thread_count(threads);
    engine::Engine engine(GetParam().network, image_, int8.arrays());
    results.emplace_back(expected.size());
    engine.run(image, results.back());
    if (threads == 2) expect_the_same_together(engine, kInt8Edge);
  }
  set_thread_count(0);
  EXPECT_EQ(results[0], results[1]) << "for one thread and two";
  const std::span<const float> logits(results[0]);
  EXPECT_GT(max_abs_difference(logits, std::span<const float>(expected)), 0) << "no layer was in int8";
  // int8 keeps 7 bits where float32 keeps 24: what rounding does to this network grows as much.
  const double float32 = json_["outputs"][0]["max_abs_diff_to_float64_run"].get<double>();
  EXPECT_LE(max_abs_difference(logits, std::span<const float>(expected)), std::exp2(24 - 7) * float32);
}

TEST_P(GoldenEngine, SaysWhatDoesNotFit) {
  const auto complaint = [&](const engine::ImageShape& image) {
    return error_of([&] { engine::Engine(GetParam().network, image, weights_); });
  };
  engine::ImageShape odd = image_, wide = image_, many = image_;
  odd.height += multiple_ / 2;
  EXPECT_THAT(complaint(odd),
              HasSubstr(fmt::format("multiples of {0} and {0}, got {1}x", multiple_, odd.height)));
  wide.in_channels += 1;
  EXPECT_THAT(complaint(wide), HasSubstr("should have the shape"));
  many.classes += 1;
  EXPECT_THAT(complaint(many), HasSubstr("should have the shape"));
  weights_.erase(weights_.begin());
  EXPECT_THAT(complaint(image_), HasSubstr("is missing"));
}

INSTANTIATE_TEST_SUITE_P(Networks, GoldenEngine,
                         ::testing::Values(Golden{"swin_umamba", "swin_umamba"},
                                           Golden{"swin_umamba_d", "swin_umamba_d"},
                                           Golden{"nnunet", "nnunet"}, Golden{"nnunet", "nnunet_7stage"},
                                           Golden{"umamba_bot", "umamba_bot"},
                                           Golden{"umamba_enc", "umamba_enc"}),
                         [](const auto& instance) { return instance.param.file; });

TEST(Engine, TellsWhatItHas) {
  EXPECT_TRUE(engine::has_network("swin_umamba"));
  EXPECT_FALSE(engine::has_network("nnformer"));
  UNetTopology narrow{{{1, 1}, {2, 2}}, {{3, 3}, {3, 3}}, {2, 2}, {2}, 24};
  EXPECT_TRUE(engine::has_network("nnunet"));
  EXPECT_FALSE(engine::has_network("nnunet", narrow));
  EXPECT_THAT(error_of([&] {
                engine::Engine("nnunet", {1, 2, 32, 32, narrow}, {});
              }),
              HasSubstr("expected stages of multiples of 16 channels, got 24, 48"));
}

}  // namespace
}  // namespace seg
