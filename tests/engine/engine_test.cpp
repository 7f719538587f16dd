// The engine's networks against the reference's outputs.
#include "engine/engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>

#include "base/json.h"
#include "base/npy.h"
#include "support/errors.h"
#include "support/goldens.h"
#include "support/tolerances.h"

namespace seg {
namespace {

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
  }

  Json json_;
  std::deque<std::vector<float>> values_;
  std::vector<TensorView> weights_;
};

TEST_P(GoldenEngine, MatchesTheReferencesOutput) {
  const auto shape = json_["input"]["shape"].get<std::vector<std::int64_t>>();  // [2, C, H, W]
  const engine::ImageShape image{shape[1], json_["classes"].get<std::int64_t>(), shape[2], shape[3]};
  engine::Engine engine(GetParam(), image, weights_);
  const Json& expected = json_["outputs"][0];
  const NpyFile golden(testing::shared_folder() / "goldens/networks" / expected["file"].get<std::string>());
  const auto reference = golden.values<float>();
  const auto input =
      testing::formula_values("input", shape[0] * shape[1] * shape[2] * shape[3], 0, std::sqrt(3.0));
  const std::size_t in = input.size() / 2, out = reference.size() / 2;
  for (std::size_t n = 0; n < 2; ++n) {
    std::vector<float> logits(out);
    engine.run(std::span(input).subspan(n * in, in), logits);
    double worst = 0;
    for (std::size_t i = 0; i < out; ++i)
      worst = std::max(worst, std::fabs(double{logits[i]} - reference[n * out + i]));
    EXPECT_LE(worst, testing::kNetworkNoiseFactor * expected["max_abs_diff_to_float64_run"].get<double>());
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, GoldenEngine, ::testing::Values("swin_umamba", "swin_umamba_d"),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace seg
