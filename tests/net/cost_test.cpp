// Counts of operations and parameters against goldens/networks/flops_table.json.
#include "net/cost.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/json.h"
#include "net/formula_weights.h"
#include "support/goldens.h"

namespace seg {
namespace {

using Counts = std::map<std::string, std::int64_t>;

/// U-Mamba's code writes some of its linear layers as products of matrices.
Counts comparable(const std::string& name, Counts counts) {
  if (name.starts_with("umamba")) counts["linear"] += std::exchange(counts["matmul"], 0);
  return counts;
}

void check(const std::string& name, const Json& table, const NetworkConfig& config) {
  SCOPED_TRACE(fmt::format("{} {}x{}", name, config.patch_size[0], config.patch_size[1]));
  const auto network = make_network(name, config);
  const ForwardCost cost = forward_cost(*network, config.patch_size);
  EXPECT_EQ(cost.parameters(), table["params"].get<std::int64_t>());
  EXPECT_EQ(comparable(name, cost.by_operator), comparable(name, table["by_operator"].get<Counts>()));
  EXPECT_EQ(cost.flops(ScanFormula::paper), table["with_scan_9BLDN"].get<std::int64_t>());
  EXPECT_EQ(static_cast<double>(cost.flops(ScanFormula::v1)), table["with_scan_ref_formula"].get<double>());
}

class EveryNetworksCost : public ::testing::TestWithParam<std::string> {};

TEST_P(EveryNetworksCost, EqualsTheTable) {
  SEG_REQUIRE_SHARED("goldens/networks/flops_table.json");
  const Json tables = read_json(testing::shared_folder() / "goldens/networks/flops_table.json");
  const std::string name = GetParam();
  if (name == "vmamba_tiny")
    return check(name, tables["vmamba_tiny_v1"]["imagenet_224"], {3, 1000, false, {224, 224}});
  for (const auto& [setting, values] : tables["_settings"].items()) {
    if (setting != "abdomen" && std::getenv("SEG_LONG") == nullptr) continue;  // scripts/test --long
    const Json& table = tables[name == "nnformer" ? "nnformer2d" : name][setting];
    const bool heads = table.contains("deep_supervision_on");
    check(name, table[heads ? "deep_supervision_on" : "deep_supervision_off"],
          {values["channels"], values["classes"], true, values["patch"].get<Size2d>()});
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, EveryNetworksCost, ::testing::ValuesIn(testing::network_names()),
                         [](const auto& instance) { return instance.param; });

TEST(ForwardCost, BelongsToTheStagesWhoseParametersItUses) {
  const auto network = make_network("segresnet", {1, 2, false});
  const ForwardCost cost = forward_cost(*network, {32, 32});
  std::int64_t counted = 0;
  std::vector<std::string> stages;
  for (const auto& stage : cost.stages) {
    counted += stage.counted;
    stages.push_back(stage.name);
    EXPECT_GT(stage.parameters, 0) << stage.name;
  }
  std::int64_t by_operator = 0;
  for (const auto& [name, count] : cost.by_operator) by_operator += count;
  EXPECT_EQ(counted, by_operator);
  EXPECT_EQ(cost.stages.at(0).counted, 9 * 32 * 32 * 32);  // the first convolution: 1 to 32 channels
  EXPECT_THAT(stages, ::testing::ElementsAre("convInit", "down_layers.0", "down_layers.1", "down_layers.2",
                                             "down_layers.3", "up_samples.0", "up_layers.0", "up_samples.1",
                                             "up_layers.1", "up_samples.2", "up_layers.2", "conv_final.0",
                                             "conv_final.2"));
}

TEST(ForwardCost, MemoryGrowsWithTheImageAndWithTraining) {
  const auto network = make_network("segresnet", {1, 2, false});
  const auto small = forward_cost(*network, {64, 64}).peak_bytes,
             large = forward_cost(*network, {128, 128}).peak_bytes;
  EXPECT_GE(small, 3 * 32 * 64 * 64 * 4);  // input, output and residual of a block of the first stage
  EXPECT_NEAR(static_cast<double>(large) / static_cast<double>(small), 4, 0.2);
  EXPECT_GT(bytes_kept_for_training(*network, {64, 64}), 2 * small);
}

}  // namespace
}  // namespace seg
