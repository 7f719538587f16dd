// Checkpoints between this program and nnU-Net's trainers, with PyTorch itself in the middle.
#include "train/nnunet_checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/optim/optimizer.h>

#include "base/json.h"
#include "data/plan.h"
#include "infer/network_config.h"
#include "net/network.h"
#include "support/errors.h"
#include "support/folder.h"
#include "support/python.h"
#include "train/checkpoint.h"
#include "train/convert_checkpoint.h"
#include "train/optimizer.h"
#include "train/trainers.h"
#include "weights/pth.h"
#include "weights/weights.h"

namespace seg {
namespace {

using testing::error_of;
using ::testing::HasSubstr;

/// A checkpoint of a network that has made one step of its trainer's optimiser, in a results folder.
class NnunetCheckpoint : public ::testing::Test {
 protected:
  explicit NnunetCheckpoint(const std::string& name = "nnUNetTrainerSwinUMambaD")
      : trainer(find_trainer(name)) {
    make_folder(fold);
    Plan plan;
    plan.dataset_name = "Dataset701_Toy";
    plan.image_reader_writer = "SimpleITKIO";
    plan.intensities.resize(2);
    plan.configurations.resize(1);
    plan.configurations[0].patch_size = {256, 256};
    plan.configurations[0].spacing = {1, 1};
    plan.configurations[0].normalization.resize(2);
    plan.configurations[0].use_mask_for_norm.resize(2);
    plan.configurations[0].pool_kernels = {{1, 1}, {2, 2}, {2, 2}};  // for networks that follow it
    plan.configurations[0].conv_kernels = {{3, 3}, {3, 3}, {3, 3}};
    plan.configurations[0].convs_per_stage_encoder = {1, 1, 1};
    plan.configurations[0].convs_per_stage_decoder = {1, 1};
    plan.configurations[0].base_features = 4;
    write_json(model / "plans.json", to_json(plan));
    write_text(model / "dataset.json",
               R"({"channel_names": {"0": "T1", "1": "T2"}, "labels": {"background": 0, "a": 1, "b": 2},
                   "numTraining": 3, "file_ending": ".nii.gz"})");

    torch::manual_seed(1);
    const NetworkConfig config{2, 3, trainer.deep_supervision, {64, 96}, topology_of(plan.configurations[0])};
    const auto network = make_network(trainer.network, config);
    const auto optimizer = make_optimizer(*network, trainer.optimizer);
    int count = 0;
    for (const auto& item : network->named_parameters()) {
      if (++count % 5 != 0) item.value().mutable_grad() = torch::randn(item.value().sizes());
    }
    optimizer->step();
    CheckpointInfo info;
    info.trainer_name = trainer.name;
    info.network = trainer.network;
    info.network_config = config;
    info.patch_size = {64, 96};
    info.current_epoch = 2;
    info.epochs = 1000;
    info.iterations = 250;
    info.batch_size = 4;
    info.pretrained = trainer.pretrained;
    info.freeze_epochs = trainer.pretrained ? 10 : 0;
    info.best_ema = 0.25;
    info.logging = {{0.25, 0.5},  {0.25, 0.275}, {1, 0.5}, {1, 0.75},
                    {1e-4, 9e-5}, {1, 2},        {2, 3},   {{0.1, 0.4}, {0.5, 0.5}}};
    save_checkpoint(ours, *network, *optimizer, info);
  }

  void expect_same_contents(const fs::path& other) {
    const NamedArrays a = open_weights(ours), b = open_weights(other);
    ASSERT_EQ(a.tensors().size(), b.tensors().size());
    for (const auto& tensor : a.tensors()) {
      const auto* twin = b.find(tensor.name);
      ASSERT_NE(twin, nullptr) << tensor.name;
      EXPECT_EQ(tensor.shape, twin->shape) << tensor.name;
      EXPECT_TRUE(std::ranges::equal(tensor.bytes, twin->bytes)) << tensor.name;
    }
    EXPECT_EQ(a.metadata(), b.metadata());
  }

  const TrainerEntry& trainer;
  testing::TemporaryFolder folder;
  fs::path model = folder / fmt::format("{}__nnUNetPlans__2d", trainer.name), fold = model / "fold_3";
  fs::path ours = fold / "checkpoint_final.safetensors";
};

/// AdamW, SGD, Adam.
class OfEveryOptimizer : public NnunetCheckpoint, public ::testing::WithParamInterface<const char*> {
 protected:
  OfEveryOptimizer() : NnunetCheckpoint(GetParam()) {}
};
INSTANTIATE_TEST_SUITE_P(Trainers, OfEveryOptimizer,
                         ::testing::Values("nnUNetTrainerSwinUMambaD", "nnUNetTrainer",
                                           "nnUNetTrainerSegResNet"),
                         [](const auto& instance) { return std::string(instance.param); });

TEST_P(OfEveryOptimizer, GoesThereAndBackThroughPyTorch) {
  const fs::path pth = fold / "checkpoint_final.pth", resaved = folder / "resaved.pth",
                 back = folder / "back.safetensors";
  convert_checkpoint(ours, pth);
  const Json record = parse_json(open_weights(pth).metadata().at(kPickleKey), "record");
  EXPECT_EQ(record["init_args"]["fold"], 3);
  EXPECT_EQ(record["init_args"]["configuration"], "2d");
  EXPECT_EQ(record["init_args"]["plans"]["configurations"]["2d"]["patch_size"], Json({64, 96}));
  const Json group = record["optimizer_state"]["param_groups"][0];
  EXPECT_EQ(group["weight_decay"], trainer.optimizer.weight_decay);
  if (trainer.optimizer.kind == OptimizerKind::sgd) {
    EXPECT_EQ(group["momentum"], 0.99);
    EXPECT_EQ(group["nesterov"], true);
  } else {
    EXPECT_EQ(group["eps"], 1e-5);
    EXPECT_EQ(group["betas"], Json({0.9, 0.999}));
  }
  convert_checkpoint(pth, back);
  expect_same_contents(back);

  SEG_RUN_PYTHON("weights/torch_files.py", "resave " + pth.string() + " " + resaved.string());
  convert_checkpoint(resaved, back);
  expect_same_contents(back);
}

TEST_F(NnunetCheckpoint, NeedsTheModelFolder) {
  fs::remove(model / "dataset.json");
  EXPECT_THAT(error_of([&] { convert_checkpoint(ours, folder / "a.pth"); }),
              HasSubstr("expected plans.json and dataset.json"));
}

TEST_F(NnunetCheckpoint, NeedsTheConfigurationInTheFoldersName) {
  fs::rename(model, folder / "model");
  EXPECT_THAT(error_of([&] {
                convert_checkpoint(folder / "model/fold_3/checkpoint_final.safetensors", folder / "a.pth");
              }),
              HasSubstr("expected a model folder named TRAINER__PLANS__CONFIGURATION"));
}

TEST_F(NnunetCheckpoint, RefusesOtherFilesOfPyTorch) {
  const fs::path path = folder / "other.pth";
  const auto complaint = [&](const Json& contents) {
    PthWriter writer;
    writer.json(contents);
    writer.write(path);
    return error_of([&] { read_checkpoint_info(path); });
  };
  EXPECT_THAT(complaint({{"epoch", 1}}), HasSubstr("other.pth > this file holds no checkpoint of nnU-Net"));
  EXPECT_THAT(complaint({{"trainer_name", "nnUNetTrainerSwinUMambaE"}, {"init_args", Json::object()}}),
              HasSubstr("did you mean \"nnUNetTrainerSwinUMamba"));
  EXPECT_THAT(complaint({{"trainer_name", "nnUNetTrainerSwinUMambaD"}, {"init_args", 1}}),
              HasSubstr("key \"init_args\" is no object"));
}

}  // namespace
}  // namespace seg
