// The engine's plan-dependent networks against LibTorch's, for plans that no golden has.
#include <gtest/gtest.h>

#include "engine/engine.h"
#include "net/formula_weights.h"
#include "net/network.h"
#include "support/tolerances.h"

namespace seg {
namespace {

/// Kernels and strides that differ between the axes, stages of one to three blocks, and few enough pixels at
/// the bottleneck (4x5, which fill no vector) that they are umamba_enc's features.
const UNetTopology kUneven{
    {{1, 1}, {1, 2}, {2, 1}, {3, 2}}, {{1, 3}, {3, 1}, {3, 3}, {5, 3}}, {1, 2, 3, 1}, {1, 3, 2}, 16, 48};
/// A stage that keeps the size, and one pixel at the bottleneck.
const UNetTopology kTiny{{{1, 1}, {1, 1}, {4, 4}}, {{3, 3}, {3, 3}, {1, 1}}, {2, 2, 2}, {2, 2}, 32, 32};

struct Plan2d {
  const char* name;
  UNetTopology topology;
  Size2d size;
};

class EngineOfPlans : public ::testing::TestWithParam<std::tuple<const char*, Plan2d>> {};

TEST_P(EngineOfPlans, GivesWhatTheNetworkGives) {
  const torch::NoGradGuard no_grad;
  const auto& [name, plan] = GetParam();
  const auto [height, width] = plan.size;
  torch::manual_seed(1);
  const auto network = make_network(name, {2, 3, false, plan.size, plan.topology});
  network->eval();
  const auto weights = state_dict(*network);
  const Tensor x = torch::randn({1, 2, height, width});
  const Tensor expected = network->forward(x)[0];
  Tensor logits = torch::empty_like(expected);
  const auto span_of = [](const Tensor& t) {
    return std::span(t.data_ptr<float>(), static_cast<std::size_t>(t.numel()));
  };
  engine::Engine engine(name, {2, 3, height, width, plan.topology}, views_of(weights));
  engine.run(span_of(x), span_of(logits));
  EXPECT_LE(testing::relative_l2(logits, expected), testing::kEngine);
}

INSTANTIATE_TEST_SUITE_P(Networks, EngineOfPlans,
                         ::testing::Combine(::testing::Values("nnunet", "umamba_bot", "umamba_enc"),
                                            ::testing::Values(Plan2d{"uneven", kUneven, {24, 20}},
                                                              Plan2d{"tiny", kTiny, {4, 4}})),
                         [](const auto& instance) {
                           return std::string(std::get<0>(instance.param)) + "_" +
                                  std::get<1>(instance.param).name;
                         });

}  // namespace
}  // namespace seg
