// Pretraining: its formulas against plain ones, that it learns, and that a resumed one ends as a whole one.
#include "train/pretrain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/optim/optimizer.h>

#include <atomic>
#include <cmath>

#include "base/json.h"
#include "base/log.h"
#include "net/network.h"
#include "net/state_dict.h"
#include "net/vss.h"
#include "support/errors.h"
#include "support/folder.h"
#include "support/tolerances.h"
#include "train/classification.h"
#include "train/pretrained.h"
#include "train/schedule.h"

namespace seg {
namespace {

using testing::error_of;
using ::testing::HasSubstr;

TEST(SoftTargets, AndTheirLossEqualPlainLoops) {
  torch::manual_seed(1);
  constexpr std::int64_t kBatch = 4, kClasses = 3;
  constexpr double kSmoothing = 0.1, kShare = 0.7;
  const std::array<std::int64_t, kBatch> labels{2, 0, 0, 1};
  const Tensor logits = torch::randn({kBatch, kClasses});
  const auto values = logits.accessor<float, 2>();
  double loss = 0;
  for (std::int64_t i = 0; i < kBatch; ++i) {
    double sum = 0;
    for (std::int64_t k = 0; k < kClasses; ++k) sum += std::exp(static_cast<double>(values[i][k]));
    for (std::int64_t k = 0; k < kClasses; ++k) {
      const auto smooth = [&](std::int64_t j) {
        return kSmoothing / kClasses + (labels[static_cast<std::size_t>(j)] == k ? 1 - kSmoothing : 0);
      };
      const double target = kShare * smooth(i) + (1 - kShare) * smooth(kBatch - 1 - i);
      loss -= target * (values[i][k] - std::log(sum)) / kBatch;
    }
  }
  const Tensor given = torch::tensor(at::ArrayRef<std::int64_t>(labels.data(), labels.size()));
  const Tensor targets = soft_targets(given, kClasses, kSmoothing, kShare);
  EXPECT_NEAR(soft_cross_entropy(logits, targets).item<double>(), loss, testing::kLoss * loss);
  const Tensor hard = soft_targets(given, kClasses, 0, 1);
  EXPECT_TRUE(torch::equal(hard, torch::eye(kClasses).index_select(0, given)));
  EXPECT_TRUE(torch::equal(mix_with_reverse(hard, 0.25)[0], 0.25 * hard[0] + 0.75 * hard[3]));
}

TEST(MixupShare, HasTheMomentsOfItsBetaDistribution) {
  for (const double alpha : {0.2, 0.8, 1.0}) {
    Rng rng(2);
    double sum = 0, squares = 0;
    constexpr int kDraws = 20000;
    for (int i = 0; i < kDraws; ++i) {
      const double share = draw_mixup_share(alpha, rng);
      ASSERT_TRUE(share >= 0 && share <= 1);
      sum += share / kDraws;
      squares += (share - 0.5) * (share - 0.5) / kDraws;
    }
    EXPECT_NEAR(sum, 0.5, 4 * 0.5 / std::sqrt(kDraws));  // four standard errors at most
    EXPECT_NEAR(squares, 1 / (4 * (2 * alpha + 1)), 4 * 0.125 / std::sqrt(kDraws));
  }
  Rng rng(2);
  EXPECT_EQ(draw_mixup_share(0, rng), 1);
}

TEST(CountTop, CountsLabelsAmongTheLargest) {
  const Tensor logits = torch::tensor({{1.0, 3.0, 2.0}, {9.0, 8.0, 7.0}, {0.0, 1.0, 2.0}});
  const Tensor labels = torch::tensor({2, 0, 0}, torch::kInt64);
  EXPECT_EQ(count_top(logits, labels, 1), 1);
  EXPECT_EQ(count_top(logits, labels, 2), 2);
  EXPECT_EQ(count_top(logits, labels, 5), 3);
}

TEST(WeightAverage, FollowsTheFormula) {
  const auto average = make_linear(2, 1, true), network = make_linear(2, 1, true);
  const double weight = average->weight[0][1].item<double>(), added = network->weight[0][1].item<double>();
  update_average(*average, *network, 0.75);
  EXPECT_NEAR(average->weight[0][1].item<double>(), 0.75 * weight + 0.25 * added, 1e-7);
  EXPECT_EQ(network->weight[0][1].item<double>(), added);
  EXPECT_DOUBLE_EQ(average_keep(0.9999, 1), 2.0 / 11);
  EXPECT_DOUBLE_EQ(average_keep(0.9999, 990), 991.0 / 1000);
  EXPECT_EQ(average_keep(0.9999, 1'000'000), 0.9999);
  EXPECT_EQ(average_keep(0, 5), 0);
}

TEST(WarmupCosine, RisesToTheRateAndFallsToAHundredthOfIt) {
  EXPECT_DOUBLE_EQ(warmup_cosine_learning_rate(0, 10, 110, 2.0), 0.002);
  EXPECT_DOUBLE_EQ(warmup_cosine_learning_rate(5, 10, 110, 2.0), (0.002 + 2.0) / 2);
  EXPECT_DOUBLE_EQ(warmup_cosine_learning_rate(10, 10, 110, 2.0), 2.0);
  EXPECT_DOUBLE_EQ(warmup_cosine_learning_rate(60, 10, 110, 2.0), (0.02 + 2.0) / 2);
  EXPECT_DOUBLE_EQ(warmup_cosine_learning_rate(110, 10, 110, 2.0), 0.02);
  EXPECT_DOUBLE_EQ(warmup_cosine_learning_rate(0, 0, 100, 2.0), 2.0);
}

TEST(ClassifierOptimizer, SparesNormsBiasesAndTheScansParameters) {
  const auto network = make_network("vmamba_tiny", {3, 7});
  const auto optimizer = make_classifier_optimizer(*network, 0.05);
  ASSERT_EQ(optimizer->param_groups().size(), 2u);
  std::set<std::string> kinds;  // last parts of the decayed parameters' names
  for (const auto& item : network->named_parameters()) {
    if (!has_weight_decay(item.key(), item.value().dim())) continue;
    EXPECT_EQ(item.key().find("norm"), std::string::npos) << item.key();
    kinds.insert(item.key().substr(item.key().rfind('.') + 1));
  }
  EXPECT_EQ(kinds, (std::set<std::string>{"weight", "x_proj_weight", "dt_projs_weight"}));
  // Per block: in_proj, conv2d, x_proj, dt_projs, out_proj; merging three times; patch embedding and head.
  EXPECT_EQ(optimizer->param_groups()[0].params().size(), 15u * 5 + 3 + 2);
  EXPECT_EQ(optimizer->param_groups()[0].params().size() + optimizer->param_groups()[1].params().size(),
            network->parameters().size());
}

TEST(DropPathRates, GrowAlongTheBlocks) {
  const auto network = make_network("vmamba_tiny", {3, 2});
  spread_drop_path_rates(*network, 0.3);
  std::vector<double> rates, expected;
  for (const auto& module : network->modules()) {
    if (const auto* drop_path = module->as<DropPath>()) rates.push_back(drop_path->rate());
  }
  for (const auto& stage : VssEncoder::drop_path_rates(0.3))
    expected.insert(expected.end(), stage.begin(), stage.end());
  EXPECT_THAT(rates, ::testing::Pointwise(::testing::DoubleEq(), expected));
}

/// Stripes down or across of a random phase, a class each.
class Stripes : public ImageSource {
 public:
  explicit Stripes(std::int64_t count) : count_(count) {}
  std::int64_t count() const override { return count_; }
  std::int64_t class_of(std::int64_t index) const override { return index % 2; }
  Image read(std::int64_t index) const override {
    if (reads_left_-- == 0) fail("the power went off");
    const std::int64_t phase = Rng(6, static_cast<std::uint64_t>(index)).below(4);
    Image image({3, 1, 32, 32});
    for (std::int64_t i = 0; i < image.count(); ++i) {
      const std::int64_t place = class_of(index) == 0 ? i / 32 : i;
      image.data[static_cast<std::size_t>(i)] = (place + phase) % 4 < 2 ? 60.0f : 200.0f;
    }
    return image;
  }
  void fail_after(std::int64_t reads) { reads_left_ = reads; }

 private:
  std::int64_t count_;
  mutable std::atomic<std::int64_t> reads_left_{-1};
};

class TinyPretraining : public ::testing::Test {
 protected:
  void SetUp() override {
    set_quiet(true);
    config_.image_size = 32;
    config_.batch_size = 2;
    config_.epochs = 2;
    config_.warmup_epochs = 0;
    config_.seed = 3;
  }
  ImageSets stripes(std::int64_t train, std::int64_t val) {
    val_ = std::make_shared<Stripes>(val);
    return {{"across", "down"}, std::make_shared<Stripes>(train), val_};
  }
  testing::TemporaryFolder folder_;
  PretrainConfig config_;
  std::shared_ptr<Stripes> val_;
};

void expect_same_tensors(const fs::path& a, const fs::path& b) {
  const SafetensorsFile one(a), other(b);
  ASSERT_EQ(one.tensors().size(), other.tensors().size());
  for (std::size_t i = 0; i < one.tensors().size(); ++i) {
    EXPECT_EQ(one.tensors()[i].name, other.tensors()[i].name);
    EXPECT_TRUE(std::ranges::equal(one.tensors()[i].bytes, other.tensors()[i].bytes))
        << one.tensors()[i].name;
  }
}

TEST_F(TinyPretraining, EndsAfterAnInterruptionAsWithoutOne) {
  const ImageSets images = stripes(4, 2);
  const auto whole = pretrain(images, config_, folder_ / "whole.safetensors");
  val_->fail_after(3);  // within the second epoch's evaluation
  const fs::path parts = folder_ / "parts.safetensors";
  EXPECT_THAT(error_of([&] { pretrain(images, config_, parts); }), HasSubstr("the power went off"));
  EXPECT_FALSE(fs::exists(parts));
  config_.resume = true;
  const auto resumed = pretrain(images, config_, parts);
  EXPECT_EQ(resumed.train_losses, whole.train_losses);
  EXPECT_EQ(resumed.val_losses, whole.val_losses);
  expect_same_tensors(folder_ / "whole.safetensors", parts);
  expect_same_tensors(folder_ / "whole.checkpoint.safetensors", folder_ / "parts.checkpoint.safetensors");
  EXPECT_TRUE(fs::exists(folder_ / "parts.png"));

  const SafetensorsFile file(parts);
  EXPECT_EQ(file.metadata().at("classes"), R"(["across","down"])");
  load_state_dict_strictly(*make_network("vmamba_tiny", {3, 2}), read_network_weights(parts));
  EXPECT_TRUE(fits_pretrained(*make_network("swin_umamba_d", {1, 2}), parts));

  ImageSets others = images;
  others.classes = {"left", "right"};
  EXPECT_THAT(error_of([&] { pretrain(others, config_, parts); }),
              HasSubstr("expected the classes across, down"));
  EXPECT_THAT(error_of([&] { pretrain(images, config_, folder_ / "new.safetensors"); }),
              HasSubstr("nothing to continue"));
}

TEST_F(TinyPretraining, LearnsToTellStripes) {
  config_.batch_size = 8;
  config_.epochs = 2;
  config_.learning_rate = 1e-3;
  config_.mixup = 0;
  const auto log = pretrain(stripes(64, 12), config_, folder_ / "stripes.safetensors");
  EXPECT_LT(log.train_losses.back(), 0.8 * log.train_losses.front());
  EXPECT_LT(log.val_losses.back(), 0.4);  // guessing costs log 2
  EXPECT_GE(log.top1.back(), 0.75);
  EXPECT_EQ(log.top5.back(), 1);
}

TEST_F(TinyPretraining, RefusesSizesThatDoNotFit) {
  config_.image_size = 50;
  EXPECT_THAT(error_of([&] { pretrain(stripes(4, 2), config_, folder_ / "x.safetensors"); }),
              HasSubstr("expected a multiple of 32, got 50"));
  config_.image_size = 32;
  config_.warmup_epochs = 2;
  EXPECT_THAT(error_of([&] { pretrain(stripes(4, 2), config_, folder_ / "x.safetensors"); }),
              HasSubstr("fewer than the 2 epochs"));
}

}  // namespace
}  // namespace seg
