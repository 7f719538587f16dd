// Losses against goldens/ops/dc_and_ce_loss and goldens/pipeline/training/loss.
#include "train/loss.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "base/npz.h"
#include "net/formula_weights.h"
#include "support/tolerances.h"

namespace seg {
namespace {

using testing::relative_l2;

struct LossGoldens {
  Json numbers = read_json(testing::shared_folder() / "goldens/pipeline/training/loss/loss.json");
  std::map<std::string, NpzArray> arrays =
      read_npz(testing::shared_folder() / "goldens/pipeline/training/loss/arrays.npz");

  Tensor tensor(const std::string& name) const {
    const auto& array = arrays.at(name);
    const auto values = array.values<float>();
    Tensor result = torch::empty(array.header().shape, torch::kFloat32);
    std::copy(values.begin(), values.end(), result.data_ptr<float>());
    return result;
  }
  Tensor logits(const std::string& name) const { return tensor(name).set_requires_grad(true); }
  Tensor target(const std::string& name) const { return tensor(name).to(torch::kInt64); }
};

/// One head: the loss and its gradient.
void check_head(const LossGoldens& goldens, const std::string& name, const Tensor& logits,
                const Tensor& target, const LossConfig& config) {
  SCOPED_TRACE(name);
  const Tensor loss = dice_ce_loss(logits, target, config);
  EXPECT_NEAR(loss.item<double>(), goldens.numbers[name].get<double>(), testing::kLoss);
  loss.backward();
  EXPECT_LE(testing::max_abs_difference(logits.grad(), goldens.tensor("grad_" + name)),
            testing::kLossGradient);
}

TEST(Loss, DiceAndCrossEntropyOfOneHead) {
  SEG_REQUIRE_SHARED("goldens/pipeline/training/loss/loss.json");
  const LossGoldens goldens;
  for (const bool batch_dice : {true, false}) {
    const std::string suffix = batch_dice ? "batchdice1" : "batchdice0";
    check_head(goldens, "ce_dice_" + suffix, goldens.logits("logits0"), goldens.target("target0"),
               {.batch_dice = batch_dice});
    check_head(goldens, "ce_dice_ignore_" + suffix, goldens.logits("logits0"),
               goldens.target("target_ignore0"), {.batch_dice = batch_dice, .ignore_label = 4});
  }
}

TEST(Loss, DeepSupervisionWeighsTheHeads) {
  SEG_REQUIRE_SHARED("goldens/pipeline/training/loss/loss.json");
  const LossGoldens goldens;
  for (const bool batch_dice : {true, false}) {
    const std::string name = std::string("ds_ce_dice_batchdice") + (batch_dice ? "1" : "0");
    std::vector<Tensor> logits, targets;
    for (const char* i : {"0", "1", "2", "3"}) {
      logits.push_back(goldens.logits(std::string("logits") + i));
      targets.push_back(goldens.target(std::string("target") + i));
    }
    const Tensor loss = deep_supervision_loss(logits, targets, {.batch_dice = batch_dice});
    EXPECT_NEAR(loss.item<double>(), goldens.numbers[name].get<double>(), testing::kLoss);
    loss.backward();
    for (int i = 0; i < 3; ++i) {
      const Tensor expected = goldens.tensor("grad_" + name + "_" + std::to_string(i));
      EXPECT_LE(testing::max_abs_difference(logits[static_cast<std::size_t>(i)].grad(), expected),
                testing::kLossGradient);
    }
    EXPECT_FALSE(logits[3].grad().defined());  // weight 0
  }
}

TEST(Loss, RegionsUseSigmoidAndBinaryCrossEntropy) {
  SEG_REQUIRE_SHARED("goldens/pipeline/training/loss/loss.json");
  const LossGoldens goldens;
  const Tensor target = goldens.target("target_regions_ignore");  // three regions, the ignore mask last
  const Tensor logits = goldens.tensor("logits0").narrow(1, 0, 3).contiguous();
  check_head(goldens, "bce_dice_regions_ignore", logits.clone().set_requires_grad(true), target,
             {.regions = true, .ignore_label = 4});
  check_head(goldens, "bce_dice_regions", logits.clone().set_requires_grad(true), target.narrow(1, 0, 3),
             {.regions = true});
}

TEST(Loss, OpGoldens) {
  SEG_REQUIRE_SHARED("goldens/ops/dc_and_ce_loss.json");
  const Json json = read_json(testing::shared_folder() / "goldens/ops/dc_and_ce_loss.json");
  for (const auto& golden : json["cases"]) {
    const auto name = golden["case"].get<std::string>();
    SCOPED_TRACE(name);
    const Tensor logits = testing::formula_input("dc_and_ce_loss." + name + ".logits", {2, 4, 16, 24});
    logits.set_requires_grad(true);
    const Tensor label =
        testing::golden_tensor("ops/dc_and_ce_loss_" + name + "_label.npy").to(torch::kInt64);
    LossConfig config;
    if (!golden["ignore_label"].is_null()) config.ignore_label = golden["ignore_label"].get<int>();
    const Tensor loss = dice_ce_loss(logits, label, config);
    EXPECT_NEAR(loss.item<double>(), golden["loss"].get<double>(), testing::kLoss);
    loss.backward();
    const Tensor expected = testing::golden_tensor("ops/dc_and_ce_loss_" + name + "_grad_logits.npy");
    EXPECT_LE(testing::max_abs_difference(logits.grad(), expected), testing::kLossGradient);
  }
}

TEST(Loss, PseudoDiceCountsOverBatches) {
  SEG_REQUIRE_SHARED("goldens/pipeline/training/loss/loss.json");
  const LossGoldens goldens;
  const Json& expected = goldens.numbers["pseudo_dice"];
  const Tensor target = goldens.target("target0");
  HardCounts counts = hard_counts(goldens.tensor("logits0"), target, {});
  counts += hard_counts(goldens.tensor("logits0").flip({2}), target, {});
  const auto dice = counts.dice();
  for (std::size_t i = 0; i < dice.size(); ++i) {
    EXPECT_NEAR(dice[i], expected["dice_per_class"][i].get<double>(), testing::kPseudoDice);
  }
  EXPECT_NEAR(nan_mean(dice), expected["mean_fg_dice"].get<double>(), testing::kPseudoDice);
}

TEST(Loss, PseudoDiceOfAnEmptyClassIsNaNAndLeftOut) {
  const Tensor logits = torch::zeros({1, 3, 4, 4});
  logits.select(1, 1).fill_(1.0);
  const auto dice = hard_counts(logits, torch::ones({1, 1, 4, 4}, torch::kInt64), {}).dice();
  EXPECT_EQ(dice[0], 1.0);
  EXPECT_TRUE(std::isnan(dice[1]));
  EXPECT_EQ(nan_mean(dice), 1.0);
}

}  // namespace
}  // namespace seg
