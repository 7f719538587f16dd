// The engine's networks against the reference's outputs.
#include "engine/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <deque>

#include "base/json.h"
#include "base/npy.h"
#include "base/threads.h"
#include "support/errors.h"
#include "support/goldens.h"
#include "support/tolerances.h"

namespace seg {
namespace {

using testing::error_of;
using ::testing::HasSubstr;
using testing::max_abs_difference;

class GoldenEngine : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    SEG_REQUIRE_SHARED("goldens/networks");
    json_ = read_json(testing::shared_folder() / "goldens/networks" / (GetParam() + ".json"));
    for (const Json& entry : json_["entries"]) {
      const auto name = entry["name"].get<std::string>();
      const auto shape = entry["shape"].get<std::vector<std::int64_t>>();
      values_.push_back(testing::formula_weight_values(name, shape));
      weights_.push_back({name, TensorType::f32, shape, std::as_bytes(std::span(values_.back()))});
    }
    const auto shape = json_["input"]["shape"].get<std::vector<std::int64_t>>();
    image_ = {shape[1], json_["classes"].get<std::int64_t>(), shape[2], shape[3]};
    input_ = testing::formula_values("input", shape[0] * shape[1] * shape[2] * shape[3], 0, std::sqrt(3.0));
  }

  Json json_;
  std::deque<std::vector<float>> values_;
  std::vector<TensorView> weights_;
  engine::ImageShape image_;
  std::vector<float> input_;  // two images
};

TEST_P(GoldenEngine, MatchesTheReferencesOutput) {
  engine::Engine engine(GetParam(), image_, weights_);
  const Json& expected = json_["outputs"][0];
  const NpyFile golden(testing::shared_folder() / "goldens/networks" / expected["file"].get<std::string>());
  const auto reference = golden.values<float>();
  const std::size_t in = input_.size() / 2, out = reference.size() / 2;
  for (std::size_t n = 0; n < 2; ++n) {
    std::vector<float> logits(out);
    engine.run(std::span<const float>(input_).subspan(n * in, in), logits);
    EXPECT_LE(max_abs_difference(std::span<const float>(logits), reference.subspan(n * out, out)),
              testing::kNetworkNoiseFactor * expected["max_abs_diff_to_float64_run"].get<double>());
  }
}

TEST_P(GoldenEngine, GivesTheSameForAnyNumberOfThreads) {
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 2, 3}) {
    set_thread_count(threads);
    engine::Engine engine(GetParam(), image_, weights_);
    results.emplace_back(static_cast<std::size_t>(image_.classes * image_.height * image_.width));
    engine.run(std::span(input_).first(input_.size() / 2), results.back());
  }
  set_thread_count(0);
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

TEST_P(GoldenEngine, SaysWhatDoesNotFit) {
  const auto complaint = [&](const engine::ImageShape& image) {
    return error_of([&] { engine::Engine(GetParam(), image, weights_); });
  };
  engine::ImageShape odd = image_, wide = image_, many = image_;
  odd.height += 8;
  EXPECT_THAT(complaint(odd), HasSubstr("multiples of 32, got 72x96"));
  wide.in_channels += 1;
  EXPECT_THAT(complaint(wide), HasSubstr("should have the shape"));
  many.classes += 1;
  EXPECT_THAT(complaint(many), HasSubstr("should have the shape"));
  std::erase_if(weights_,
                [](const TensorView& array) { return array.name == "vssm_encoder.patch_embed.proj.bias"; });
  EXPECT_THAT(complaint(image_), HasSubstr("is missing"));
}

INSTANTIATE_TEST_SUITE_P(Networks, GoldenEngine, ::testing::Values("swin_umamba", "swin_umamba_d"),
                         [](const auto& instance) { return instance.param; });

TEST(Engine, TellsWhatItHas) {
  EXPECT_TRUE(engine::has_network("swin_umamba"));
  EXPECT_FALSE(engine::has_network("nnformer"));
}

}  // namespace
}  // namespace seg
