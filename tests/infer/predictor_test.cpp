// Prediction with a trained model, without LibTorch.
#include "infer/predictor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "base/npy.h"
#include "engine/engine.h"
#include "infer/model_export.h"
#include "support/errors.h"
#include "support/folder.h"
#include "support/formula_model.h"
#include "weights/model_file.h"
#include "weights/pth.h"

namespace seg {
namespace {

using testing::error_of;
using ::testing::HasSubstr;

/// A model folder with one fold of swin_umamba_d, whose weights follow the goldens' formula.
class FormulaModel : public ::testing::Test {
 protected:
  void SetUp() override {
    SEG_REQUIRE_SHARED("goldens/networks/swin_umamba_d.json");
    weights_ = std::make_unique<testing::FormulaWeights>("swin_umamba_d", "nnUNetTrainerSwinUMambaD", kPatch);
    plan_.dataset_name = "Dataset701_Toy";
    plan_.image_reader_writer = "NaturalImage2DIO";
    plan_.intensities.resize(3);
    plan_.configurations.resize(1);
    plan_.configurations[0].patch_size = {kPatch[0], kPatch[1]};
    plan_.configurations[0].spacing = {1, 1};
    plan_.configurations[0].normalization.resize(3);
    plan_.configurations[0].use_mask_for_norm.resize(3);
    make_folder(safetensors_.parent_path());
    write_json(model_ / "plans.json", to_json(plan_));
    write_text(model_ / "dataset.json",
               R"({"channel_names": {"0": "R", "1": "G", "2": "B"}, "numTraining": 3, "file_ending": ".png",
                   "labels": {"background": 0, "a": 1, "b": 2, "c": 3}})");
    weights_->write(safetensors_);
    const auto input = testing::formula_values("input", 3 * kPatch[0] * kPatch[1], 0, std::sqrt(3.0));
    image_ = Image({3, 1, kPatch[0], kPatch[1]});
    std::ranges::copy(input, image_.data.begin());
    properties_.shape_before_cropping = properties_.shape_after_cropping = {1, kPatch[0], kPatch[1]};
    properties_.bbox = {{{0, 1}, {0, kPatch[0]}, {0, kPatch[1]}}};
  }

  Labels labels_of(const fs::path& model) const {
    return Predictor(model, {}).predict(image_, properties_).labels;
  }

  /// The same checkpoint as nnU-Net's trainer would have left it.
  void write_pth(const fs::path& path) const {
    PthWriter writer;
    writer.begin_dict();
    writer.text("network_weights");
    auto arrays = weights_->arrays;
    for (auto& array : arrays) array.name.erase(0, std::string_view(kWeightsPrefix).size());
    writer.state_dict(arrays);
    Json log = to_json(TrainingLog{});
    const Json rest = {{"trainer_name", weights_->info.trainer_name},
                       {"init_args",
                        {{"plans", read_json(model_ / "plans.json")},
                         {"configuration", "2d"},
                         {"dataset_json", read_json(model_ / "dataset.json")}}},
                       {"inference_allowed_mirroring_axes", {0, 1}},
                       {"_best_ema", nullptr},
                       {"current_epoch", 3},
                       {"logging", log}};
    for (const auto& [key, value] : rest.items()) {
      writer.text(key);
      writer.json(value);
    }
    writer.end_dict();
    writer.write(path);
  }

  static constexpr Size2d kPatch{64, 96};
  testing::TemporaryFolder folder_;
  fs::path model_ = folder_ / "Trainer__nnUNetPlans__2d", seg_ = folder_ / "model.seg";
  fs::path safetensors_ = model_ / "fold_0" / "checkpoint_final.safetensors";
  std::unique_ptr<testing::FormulaWeights> weights_;
  Plan plan_;
  Image image_;
  CaseProperties properties_;
};

TEST_F(FormulaModel, LabelsAreThoseOfTheGoldenLogits) {
  const Labels labels = labels_of(model_);
  const NpyFile golden(testing::shared_folder() /
                       "goldens/networks/swin_umamba_d_out0.npy");  // [2, 4, 64, 96]
  const auto logits = golden.values<float>();
  const auto pixels = static_cast<std::size_t>(kPatch[0] * kPatch[1]);
  std::size_t different = 0;
  for (std::size_t i = 0; i < pixels; ++i) {
    std::size_t best = 0;
    for (std::size_t c = 1; c < 4; ++c) best = logits[c * pixels + i] > logits[best * pixels + i] ? c : best;
    different += labels.data[i] != static_cast<int>(best) ? 1 : 0;
  }
  EXPECT_LE(different, pixels / 500) << "only ties, as float16, may go another way";
  EXPECT_EQ(std::set<int>(labels.data.begin(), labels.data.end()).size(), 4u);
}

TEST_F(FormulaModel, EveryKindOfFilePredictsTheSame) {
  const Labels expected = labels_of(model_);
  export_model_file(model_, seg_, {}, "the test");
  EXPECT_EQ(labels_of(seg_).data, expected.data);
  const ModelFile file(seg_);
  const auto exported = file.weights("0");
  ASSERT_EQ(exported.size(), weights_->arrays.size());
  for (std::size_t i = 0; i < exported.size(); ++i) {
    EXPECT_EQ(kWeightsPrefix + exported[i].name, weights_->arrays[i].name);
    EXPECT_TRUE(std::ranges::equal(exported[i].bytes, weights_->arrays[i].bytes)) << exported[i].name;
  }
  write_pth(model_ / "fold_0" / "checkpoint_final.pth");
  fs::remove(safetensors_);
  EXPECT_EQ(labels_of(model_).data, expected.data);
  const fs::path zip = folder_ / "model.zip";
  export_nnunet_zip(model_, zip, {});  // needs no conversion, and so no LibTorch
  EXPECT_TRUE(fs::exists(zip));
}

TEST_F(FormulaModel, ADamagedFileGivesNoPredictor) {
  export_model_file(model_, seg_, {}, "the test");
  const auto middle = static_cast<std::streamoff>(fs::file_size(seg_) / 2);
  std::fstream file(seg_, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(middle);
  const char flipped = static_cast<char>(file.get() ^ 1);
  file.seekp(middle);
  file.put(flipped);
  file.close();
  EXPECT_THAT(error_of([&] { Predictor(seg_, {}); }),
              HasSubstr("model.seg > its contents do not match its checksum"));
}

TEST_F(FormulaModel, SaysWhatNeedsLibTorch) {
  for (const PredictOptions& options :
       {PredictOptions{.runtime = Runtime::torch}, PredictOptions{.check_engine = true}}) {
    EXPECT_THAT(
        error_of([&] { Predictor(model_, options); }),
        HasSubstr("running swin_umamba_d on it takes LibTorch, which this build does not have: its own "
                  "engine runs swin_umamba, swin_umamba_d"));
  }
}

TEST_F(FormulaModel, WeightsThatDoNotFitAreNotExported) {
  weights_->arrays.erase(weights_->arrays.begin());
  weights_->write(safetensors_);
  EXPECT_THAT(error_of([&] { export_model_file(model_, seg_, {}, "the test"); }),
              HasSubstr("the weights do not fit the network"));
  EXPECT_FALSE(fs::exists(seg_));
}

}  // namespace
}  // namespace seg
