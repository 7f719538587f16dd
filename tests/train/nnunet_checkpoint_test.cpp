// Checkpoints between this program and nnU-Net's trainers, with PyTorch itself in the middle.
#include "train/nnunet_checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/optim/optimizer.h>

#include "base/json.h"
#include "data/plan.h"
#include "net/network.h"
#include "net/unet_topology.h"
#include "support/errors.h"
#include "support/folder.h"
#include "support/python.h"
#include "train/convert_checkpoint.h"
#include "train/optimizer.h"
#include "weights/pth.h"
#include "weights/weights.h"

namespace seg {
namespace {

using testing::error_of;
using ::testing::HasSubstr;

/// A checkpoint of a network that has made one optimiser step, in a results folder.
class NnunetCheckpoint : public ::testing::Test {
 protected:
  NnunetCheckpoint() {
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
    write_json(model / "plans.json", to_json(plan));
    write_text(model / "dataset.json",
               R"({"channel_names": {"0": "T1", "1": "T2"}, "labels": {"background": 0, "a": 1, "b": 2},
                   "numTraining": 3, "file_ending": ".nii.gz"})");

    torch::manual_seed(1);
    const auto network = make_network("swin_umamba_d", {2, 3, true});
    const auto optimizer = make_optimizer(*network, OptimizerConfig{});
    int count = 0;
    for (const auto& item : network->named_parameters()) {
      if (++count % 5 != 0) item.value().mutable_grad() = torch::randn(item.value().sizes());
    }
    optimizer->step();
    CheckpointInfo info;
    info.trainer_name = "nnUNetTrainerSwinUMambaD";
    info.network = "swin_umamba_d";
    info.network_config = {2, 3, true, {64, 96}, topology_of(plan.configurations[0])};
    info.patch_size = {64, 96};
    info.current_epoch = 2;
    info.epochs = 1000;
    info.iterations = 250;
    info.batch_size = 4;
    info.pretrained = true;
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

  testing::TemporaryFolder folder;
  fs::path model = folder / "nnUNetTrainerSwinUMambaD__nnUNetPlans__2d", fold = model / "fold_3";
  fs::path ours = fold / "checkpoint_final.safetensors";
};

TEST_F(NnunetCheckpoint, GoesThereAndBackThroughPyTorch) {
  const fs::path pth = fold / "checkpoint_final.pth", resaved = folder / "resaved.pth",
                 back = folder / "back.safetensors";
  convert_checkpoint(ours, pth);
  const Json record = parse_json(open_weights(pth).metadata().at(kPickleKey), "record");
  EXPECT_EQ(record["init_args"]["fold"], 3);
  EXPECT_EQ(record["init_args"]["configuration"], "2d");
  EXPECT_EQ(record["init_args"]["plans"]["configurations"]["2d"]["patch_size"], Json({64, 96}));
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
