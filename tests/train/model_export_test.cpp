#include "infer/model_export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/optim/optimizer.h>

#include <cmath>

#include "base/json.h"
#include "infer/network_config.h"
#include "infer/trained_model.h"
#include "net/network.h"
#include "net/state_dict.h"
#include "support/errors.h"
#include "support/folder.h"
#include "support/python.h"
#include "support/tensor_views.h"
#include "train/checkpoint.h"
#include "train/convert_checkpoint.h"
#include "train/optimizer.h"
#include "train/torch_model.h"
#include "train/trainers.h"
#include "weights/model_file.h"
#include "weights/model_zip.h"
#include "weights/weights.h"

namespace seg {
namespace {

using testing::error_of;
using ::testing::HasSubstr;
using testing::values_of;

/// A float16 number by its definition (IEEE 754).
double half_value(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  const double size = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  return (bits & 0x8000) != 0 ? -size : size;
}

/// The model folder of a small nnU-Net whose second fold is our checkpoint converted to nnU-Net's.
class ModelExport : public ::testing::Test {
 protected:
  ModelExport() {
    Configuration stages = plan_stages({32, 32}, {1, 1});
    stages.spacing = {1, 1};
    stages.base_features = 4;
    stages.max_features = 8;
    stages.normalization.resize(1);
    stages.use_mask_for_norm.resize(1);
    Plan plan;
    plan.dataset_name = "Dataset701_Toy";
    plan.image_reader_writer = "SimpleITKIO";
    plan.intensities.resize(1);
    plan.configurations = {stages};
    make_folder(model);
    write_json(model / "plans.json", to_json(plan));
    write_text(model / "dataset.json",
               R"({"channel_names": {"0": "T1"}, "labels": {"background": 0, "a": 1}, "numTraining": 3,
                   "file_ending": ".nii.gz"})");
    topology_ = topology_of(stages);
    save(ours, 1);
    save(theirs.parent_path() / "a.safetensors", 2);
    convert_checkpoint(theirs.parent_path() / "a.safetensors", theirs);
  }

  /// A checkpoint after one step; the first values of its first convolution are `values`.
  void save(const fs::path& path, int seed, const std::vector<float>& values = {}, Size2d patch = {32, 32}) {
    make_folder(path.parent_path());
    torch::manual_seed(seed);
    const CheckpointInfo made{.trainer_name = "nnUNetTrainer",
                              .network = "nnunet",
                              .network_config = {1, 2, true, patch, topology_},
                              .patch_size = patch,
                              .current_epoch = 7,
                              .batch_size = 2,
                              .best_ema = 0.5,
                              .logging = {}};
    const auto network = make_network(made.network, made.network_config);
    const auto optimizer = make_optimizer(*network, find_trainer(made.trainer_name).optimizer);
    for (auto& parameter : network->parameters()) parameter.mutable_grad() = torch::randn(parameter.sizes());
    optimizer->step();
    float* first = state_dict(*network)[0].second.data_ptr<float>();
    std::copy(values.begin(), values.end(), first);
    save_checkpoint(path, *network, *optimizer, made);
  }

  ModelFile exported(ExportOptions options = {}) {
    options.libtorch = torch_model;
    export_model_file(model, file, options, "the test");
    return ModelFile(file);
  }
  std::string complaint(ExportOptions options = {}) {
    options.libtorch = torch_model;
    const std::string text = error_of([&] { export_model_file(model, file, options, "the test"); });
    EXPECT_FALSE(fs::exists(file));
    return text;
  }

  testing::TemporaryFolder folder;
  fs::path model = folder / "Trainer__nnUNetPlans__2d", file = folder / "model.seg";
  fs::path ours = model / "fold_0" / "checkpoint_final.safetensors",
           theirs = model / "fold_1" / "checkpoint_final.pth";
  UNetTopology topology_;
};

TEST_F(ModelExport, HoldsEveryWeightOnceBitForBit) {
  const ModelFile read = exported();
  ASSERT_THAT(read.folds(), ::testing::ElementsAre("0", "1"));
  const NamedArrays checkpoints[] = {open_weights(ours), open_weights(theirs)};
  const std::size_t expected = network_weights(checkpoints[0]).size();
  for (std::size_t i = 0; i < 2; ++i) {
    const auto weights = read.weights(read.folds()[i]);
    EXPECT_EQ(weights.size(), expected);  // nnU-Net's lists the encoder a second time
    for (const auto& weight : weights) {
      const auto* stored = checkpoints[i].find("network_weights." + weight.name);
      ASSERT_NE(stored, nullptr) << weight.name;
      EXPECT_TRUE(std::ranges::equal(weight.bytes, stored->bytes)) << weight.name;
    }
  }
  EXPECT_GT(network_weights(checkpoints[1]).size(), expected);
  const Json folds = parse_json(read.description().folds, "folds");
  EXPECT_EQ(folds[0]["epochs"], 7);
  EXPECT_EQ(folds[1]["best_ema_dice"], 0.5);
  EXPECT_EQ(read.description().plans, read_text(model / "plans.json"));
}

TEST_F(ModelExport, RoundsToTheNearestFloat16) {
  const float step = 0x1p-10f;  // between float16 numbers at 1
  const std::vector<float> values{1 + 0.5f * step,    1 + 1.5f * step, 1 + 0.51f * step,
                                  -(1 + 2.5f * step), 65519.f,         0x1p-24f,
                                  0x1.8p-24f,         0x1p-25f,        0x1.00002p-25f};
  const std::vector<double> expected{1,       1 + 2 * step, 1 + step, -(1 + 2 * step), 65504,
                                     0x1p-24, 0x1p-23,      0,        0x1p-24};
  save(ours, 1, values);
  const ModelFile half = exported({.folds = {"0"}, .half = true});
  const NamedArrays full = open_weights(ours);
  const auto weights = half.weights("0");
  for (const auto& weight : weights) {
    ASSERT_EQ(weight.type, TensorType::f16) << weight.name;
    const auto stored = values_of<std::uint16_t>(weight);
    const auto exact = values_of<float>(*full.find("network_weights." + weight.name));
    ASSERT_EQ(stored.size(), exact.size());
    for (std::size_t i = 0; i < exact.size(); ++i) {
      const double most = std::max(std::abs(exact[i]) * 0x1p-11, 0x1p-25);  // half a step
      EXPECT_LE(std::abs(half_value(stored[i]) - exact[i]), most) << weight.name;
    }
  }
  const auto first = values_of<std::uint16_t>(weights[0]);
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(half_value(first[i]), expected[i]) << i;

  const TrainedModel opened = open_trained_model(file, {}, "final");
  for (const auto& [name, tensor] : state_dict(*load_network(opened.folds.at(0))))
    EXPECT_EQ(tensor.scalar_type(), torch::kFloat32) << name;
}

TEST_F(ModelExport, NamesWhatFloat16CannotHold) {
  save(ours, 1, {65520.f});
  const ExportOptions half{.half = true};
  const std::string name = exported().weights("0")[0].name;
  fs::remove(file);
  EXPECT_THAT(complaint(half), HasSubstr("fold_0/" + name + " holds values that float16 cannot"));
}

TEST_F(ModelExport, RefusesWhatIsNoWholeModel) {
  EXPECT_THAT(complaint({.folds = {"2"}}), HasSubstr("fold_2 does not exist"));
  EXPECT_THAT(complaint({.checkpoint = "best"}), HasSubstr("checkpoint_best.safetensors does not exist"));
  EXPECT_THAT(complaint({.checkpoint = "latest"}), HasSubstr("expected final or best"));
  save(ours, 1, {}, {64, 32});
  EXPECT_THAT(complaint(), HasSubstr("different patch sizes"));
  for (const char* name : {"plans.json", "dataset.json"}) {
    const fs::path hidden = folder / name;
    fs::rename(model / name, hidden);
    EXPECT_THAT(complaint(), HasSubstr(name));
    fs::rename(hidden, model / name);
  }
  model = folder / "nowhere";
  EXPECT_THAT(complaint(), HasSubstr("nowhere does not exist"));
}

TEST_F(ModelExport, SaysWhatABuildWithoutLibTorchLacks) {
  const auto lacks =
      AllOf(HasSubstr("takes LibTorch, which this build does not have"), HasSubstr("libtorch-dev"));
  EXPECT_THAT(error_of([&] { export_model_file(model, file, {}, "the test"); }), lacks);
  EXPECT_THAT(error_of([&] { export_nnunet_zip(model, folder / "model.zip", {}); }), lacks);
  EXPECT_THAT(error_of([&] { Predictor(model, {}); }), lacks);
  EXPECT_THAT(error_of([&] { Predictor(model, {.runtime = Runtime::torch}); }), lacks);
  EXPECT_FALSE(fs::exists(file) || fs::exists(folder / "model.zip"));
}

TEST_F(ModelExport, RefusesWeightsThatDoNotFit) {
  const NamedArrays file_of_ours = open_weights(ours);
  std::vector<TensorView> arrays = file_of_ours.tensors();
  arrays.erase(arrays.begin());
  const fs::path cut = folder / "cut.safetensors";
  write_safetensors(cut, arrays, file_of_ours.metadata());
  fs::rename(cut, ours);
  EXPECT_THAT(complaint(), HasSubstr("the weights do not fit the network"));
}

TEST_F(ModelExport, ZipIsInstalledAndReadByPyTorch) {
  write_text(model / "fold_0" / "progress.png", "a picture");
  const fs::path zip = folder / "model.zip";
  export_nnunet_zip(model, zip, {.convert_checkpoint = convert_checkpoint});
  const auto installed = install_model_zip(zip, folder / "results", false);
  ASSERT_THAT(installed, ::testing::ElementsAre(folder / "results" / "Dataset701_Toy" /
                                                "nnUNetTrainer__nnUNetPlans__2d"));
  EXPECT_EQ(read_text(installed[0] / "fold_0" / "progress.png"), "a picture");
  const auto before = open_trained_model(model, {}, "final"),
             after = open_trained_model(installed[0], {}, "final");
  ASSERT_EQ(after.folds.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(after.folds[i].origin.extension(), ".pth");
    const auto a = state_dict(*load_network(before.folds[i])), b = state_dict(*load_network(after.folds[i]));
    for (std::size_t k = 0; k < a.size(); ++k) EXPECT_TRUE(a[k].second.equal(b[k].second)) << a[k].first;
  }
  const fs::path pth = after.folds[0].origin, json = folder / "contents.json";
  SEG_RUN_PYTHON("weights/torch_files.py", "check " + pth.string() + " " + json.string());
  EXPECT_EQ(read_json(json)["network_weights"].size(), network_weights(open_weights(pth)).size());
}

}  // namespace
}  // namespace seg
