// Whole small trainings: what they leave behind, and that a resumed one goes on as it would have.
#include "train/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>

#include "base/json.h"
#include "base/log.h"
#include "infer/predictor.h"
#include "net/network.h"
#include "net/state_dict.h"
#include "support/errors.h"
#include "support/folder.h"
#include "support/goldens.h"
#include "support/stored_case.h"
#include "support/tolerances.h"
#include "train/checkpoint.h"
#include "train/log_lines.h"
#include "train/loss.h"
#include "train/schedule.h"
#include "train/torch_model.h"
#include "train/trainers.h"

namespace seg {
namespace {

using ::testing::HasSubstr;

/// Bright squares on a dark ground: two classes, cases of three slices.
class TinyTraining : public ::testing::Test {
 protected:
  void SetUp() override {
    set_quiet(true);
    task_.info.name = "Dataset900_Squares";
    task_.info.channel_names = {"MRI"};
    task_.info.labels = {{"background", {0}}, {"square", {1}}};
    task_.info.file_ending = ".nii.gz";
    task_.configuration.patch_size = {32, 32};
    task_.configuration.normalization = {Normalization::zscore};
    task_.configuration.use_mask_for_norm = {false};
    task_.cases = folder_.path() / "cases";
    make_folder(task_.cases);
    for (int i = 0; i < 3; ++i) {
      Image image({1, 3, 32, 32}, -0.5f);
      Labels seg({1, 3, 32, 32}, 0);
      for (std::int64_t z = 0; z < 3; ++z) {
        for (std::int64_t y = 8; y < 20; ++y) {
          for (std::int64_t x = 4 + 4 * i; x < 16 + 4 * i; ++x) {
            image.at(0, z, y, x) = 1.5f;
            seg.at(0, z, y, x) = 1;
          }
        }
      }
      const std::string id = "case_" + std::to_string(i);
      testing::store(task_.cases, id, image, seg, task_.info);
      (i < 2 ? task_.split.train : task_.split.val).push_back(id);
    }
    config_.network = "swin_umamba_d";
    config_.trainer = "nnUNetTrainerSwinUMambaD";
    config_.iterations = 2;
    config_.val_iterations = 1;
    config_.batch_size = 2;
    config_.patch_size = {30, 32};
    config_.seed = 7;
  }

  fs::path run(const std::string& name, std::int64_t epochs, bool resume = false) {
    task_.output = folder_.path() / name;
    config_.epochs = epochs;
    config_.resume = resume;
    train(task_, config_);
    return task_.output;
  }

  testing::TemporaryFolder folder_;
  TrainTask task_;
  TrainConfig config_;
};

TEST_F(TinyTraining, LeavesCheckpointsLogAndPicture) {
  const fs::path output = run("fold_0", 2);
  EXPECT_TRUE(fs::exists(output / "checkpoint_final.safetensors"));
  EXPECT_TRUE(fs::exists(output / "checkpoint_best.safetensors"));
  EXPECT_FALSE(fs::exists(output / "checkpoint_latest.safetensors"));
  EXPECT_TRUE(fs::exists(output / "progress.png"));
  EXPECT_EQ(list_files(output, ".txt").size(), 1u);
  const auto info = read_checkpoint_info(output / "checkpoint_final.safetensors");
  EXPECT_EQ(info.current_epoch, 2);
  EXPECT_TRUE(info.mirrored);
  EXPECT_EQ(info.patch_size, (std::array<std::int64_t, 2>{32, 32}));  // 30 is no multiple of 32
  ASSERT_EQ(info.logging.train_losses.size(), 2u);
  const auto& dice = info.logging.mean_fg_dice;
  EXPECT_DOUBLE_EQ(info.logging.ema_fg_dice[0], dice[0]);
  EXPECT_DOUBLE_EQ(info.logging.ema_fg_dice[1], 0.9 * dice[0] + 0.1 * dice[1]);
}

/// What a log says between its first epoch and its end, without time stamps and the encoder's freezing.
std::vector<std::string> epoch_lines(const fs::path& log) {
  std::vector<std::string> lines;
  std::istringstream text(read_text(log));
  for (std::string line; std::getline(text, line);) {
    const auto stamp_end = line.find(": ");
    if (stamp_end == std::string::npos || line.find("reezing") != std::string::npos) continue;
    const std::string words = line.substr(stamp_end + 2);
    if (words == "Training done. ") break;
    if (lines.empty() && words != "Epoch 0 ") continue;
    EXPECT_TRUE(words.ends_with(' ')) << line;
    lines.push_back(words.substr(0, words.size() - 1));
  }
  return lines;
}

/// The lines that go with a log's numbers.
std::vector<std::string> lines_of(const TrainingLog& log) {
  std::vector<std::string> lines;
  std::optional<double> best;
  for (std::size_t epoch = 0; epoch < log.lrs.size(); ++epoch) {
    const bool is_best = !best || log.ema_fg_dice[epoch] > *best;
    if (is_best) best = log.ema_fg_dice[epoch];
    for (const auto& part : {lines_before_epoch(static_cast<std::int64_t>(epoch), log.lrs[epoch]),
                             lines_after_epoch(log, epoch, is_best)})
      lines.insert(lines.end(), part.begin(), part.end());
  }
  lines.erase(lines.begin());  // the empty line before the first epoch
  return lines;
}

/// The lines of all epochs, as the reference's own log has them.
TEST(LogLines, EqualTheReference) {
  const fs::path golden = testing::shared_folder() / "goldens/pipeline/training/minitrain";
  SEG_REQUIRE_SHARED("goldens/pipeline/training/minitrain");
  const auto expected = epoch_lines(golden / "training_log.txt");
  Json values = read_json(golden / "files_and_checkpoints.json").at("logging_values");
  // There the Dice of the classes is their mean; the log has them one by one, rounded already.
  std::vector<std::vector<double>> dice;
  for (const auto& line : expected) {
    const std::string words = "Pseudo dice ";
    if (line.starts_with(words)) dice.push_back(parse_json(line.substr(words.size()), line));
  }
  values["dice_per_class_or_region"] = dice;
  const TrainingLog log = log_from_json(values);
  for (std::size_t epoch = 0; epoch < dice.size(); ++epoch)
    EXPECT_NEAR(nan_mean(dice[epoch]), log.mean_fg_dice.at(epoch), testing::kLoggedDice);
  EXPECT_EQ(lines_of(log), expected);
}

TEST_F(TinyTraining, LeavesFilesAndLogAsTheReference) {
  const fs::path golden = testing::shared_folder() / "goldens/pipeline/training/minitrain";
  SEG_REQUIRE_SHARED("goldens/pipeline/training/minitrain");
  const Json settings = read_json(golden / "debug.json");
  const auto number = [&](const char* key) { return std::stod(settings.at(key).get<std::string>()); };
  EXPECT_EQ(number("weight_decay"), config_.optimizer.weight_decay);
  EXPECT_EQ(number("initial_lr"), config_.optimizer.learning_rate);
  EXPECT_EQ(number("oversample_foreground_percent"), config_.foreground_share);
  config_.keep_every = static_cast<std::int64_t>(number("save_every"));
  const auto epochs = static_cast<std::int64_t>(number("num_epochs"));
  const fs::path output = run("fold_0", epochs);

  const Json reference = read_json(golden / "files_and_checkpoints.json");
  for (const auto& entry : reference.at("tree_results_folder")) {
    fs::path file = entry[0].get<std::string>();
    if (file.parent_path() != "fold_0" || file.extension() == ".json" || file.extension() == ".txt") continue;
    if (file.extension() == ".pth") file.replace_extension(".safetensors");
    EXPECT_TRUE(fs::exists(output / file.filename())) << file;
  }
  const auto log = read_checkpoint_info(output / "checkpoint_final.safetensors").logging;
  const Json& expected = reference.at("logging_values");
  const auto rates = expected.at("lrs").get<std::vector<double>>();
  ASSERT_EQ(log.lrs.size(), rates.size());
  for (std::size_t i = 0; i < rates.size(); ++i) EXPECT_NEAR(log.lrs[i], rates[i], 1e-12 * rates[i]);
  const auto dice = expected.at("mean_fg_dice").get<std::vector<double>>(),
             ema = expected.at("ema_fg_dice").get<std::vector<double>>();
  for (std::size_t i = 0; i < ema.size(); ++i) {
    EXPECT_NEAR(ema[i], i == 0 ? dice[0] : 0.9 * ema[i - 1] + 0.1 * dice[i], 1e-12) << "the rule we follow";
    EXPECT_NEAR(log.ema_fg_dice[i],
                i == 0 ? log.mean_fg_dice[0] : 0.9 * log.ema_fg_dice[i - 1] + 0.1 * log.mean_fg_dice[i],
                1e-12);
  }
  EXPECT_EQ(epoch_lines(list_files(output, ".txt").at(0)), lines_of(log));
}

/// An optimiser with moments, one with momentum; SS2D, plain convolutions, Mamba layers that depend on the
/// size.
class ResumedTraining : public TinyTraining, public ::testing::WithParamInterface<std::string> {};

TEST_P(ResumedTraining, EndsAsTheWholeOneDoes) {
  const TrainerEntry& trainer = find_trainer(GetParam());
  config_.trainer = trainer.name;
  config_.network = trainer.network;
  config_.optimizer = trainer.optimizer;
  config_.keep_every = 2;
  const fs::path whole = run("whole", 3);
  const fs::path parts = folder_ / "parts";
  make_folder(parts);
  fs::copy(whole / "checkpoint_1.safetensors", parts / "checkpoint_latest.safetensors");
  run("parts", 3, true);
  const SafetensorsFile a(whole / "checkpoint_final.safetensors"), b(parts / "checkpoint_final.safetensors");
  ASSERT_EQ(a.tensors().size(), b.tensors().size());  // weights and optimiser state
  for (std::size_t i = 0; i < a.tensors().size(); ++i) {
    EXPECT_TRUE(std::ranges::equal(a.tensors()[i].bytes, b.tensors()[i].bytes)) << a.tensors()[i].name;
  }
  const auto log = read_checkpoint_info(parts / "checkpoint_final.safetensors").logging;
  EXPECT_EQ(log.train_losses,
            read_checkpoint_info(whole / "checkpoint_final.safetensors").logging.train_losses);
}

INSTANTIATE_TEST_SUITE_P(Trainers, ResumedTraining,
                         ::testing::Values("nnUNetTrainerSwinUMambaD", "nnUNetTrainer",
                                           "nnUNetTrainerUMambaEnc"),
                         [](const auto& instance) { return instance.param; });

TEST_F(TinyTraining, CheckpointsRebuildTheNetworkThePlanDescribes) {
  config_.network = "nnunet";
  config_.optimizer = find_trainer("nnUNetTrainer").optimizer;
  Configuration& plan = task_.configuration;
  plan.pool_kernels = {{1, 1}, {2, 2}, {1, 2}};
  plan.conv_kernels = {{3, 3}, {3, 3}, {1, 3}};
  plan.convs_per_stage_encoder = {1, 2, 3};
  plan.convs_per_stage_decoder = {2, 1};
  plan.base_features = 8;
  plan.max_features = 20;
  const fs::path file = run("fold_0", 1) / "checkpoint_final.safetensors";
  const auto info = read_checkpoint_info(file);
  EXPECT_EQ(info.patch_size, (Size2d{30, 32}));
  const auto network = load_network(file, info);
  EXPECT_EQ(network->scales(), (std::vector<Scale2d>{{1, 1}, {0.5, 0.5}}));
  std::map<std::string, std::vector<std::int64_t>> shapes;
  for (const auto& [name, tensor] : state_dict(*network)) shapes[name] = tensor.sizes().vec();
  EXPECT_EQ(shapes.at("encoder.stages.2.0.convs.2.conv.weight"), (std::vector<std::int64_t>{20, 20, 1, 3}));
  EXPECT_EQ(shapes.at("decoder.transpconvs.0.weight"), (std::vector<std::int64_t>{20, 16, 1, 2}));

  plan.convs_per_stage_decoder = {2};
  EXPECT_THAT(testing::error_of([&] { run("broken", 1); }), HasSubstr("of the 2 decoder stages"));
}

TEST_F(TinyTraining, ContinuingNothingIsAnErrorThatSaysSo) {
  EXPECT_THAT(testing::error_of([&] { run("empty", 2, true); }),
              AllOf(HasSubstr("nothing to continue"), HasSubstr("--continue")));
  EXPECT_FALSE(fs::exists(folder_ / "empty"));
}

TEST_F(TinyTraining, ContinuingAnotherNetworkIsAnError) {
  run("fold_0", 1);
  config_.network = "swin_umamba";
  EXPECT_THAT(testing::error_of([&] { run("fold_0", 2, true); }),
              HasSubstr("expected a checkpoint of network swin_umamba, got one of swin_umamba_d"));
}

TEST_F(TinyTraining, PretrainedEncoderIsFrozenInTheFirstEpochs) {
  torch::manual_seed(3);
  const auto donor = make_network("swin_umamba_d", {1, 2, false});
  NamedTensors vmamba;  // VMamba's own keys
  for (const auto& [key, tensor] : state_dict(*donor)) {
    if (!key.starts_with("vssm_encoder.")) continue;
    std::string own = key.substr(13);
    if (own.starts_with("downsamples.")) own = "layers." + own.substr(12, 1) + ".downsample" + own.substr(13);
    vmamba.emplace_back(own, tensor);
  }
  config_.pretrained = folder_ / "vmamba.safetensors";
  write_safetensors(config_.pretrained, views_of(vmamba), {});
  config_.freeze_epochs = 1;
  config_.keep_every = 1;
  const fs::path output = run("fold_0", 2);
  const auto blocks = [&](const char* name) {
    std::map<std::string, Tensor> chosen;
    for (const auto& [key, tensor] : read_network_weights(output / name)) {
      if (key.starts_with("vssm_encoder.layers.") || key.starts_with("vssm_encoder.downsamples."))
        chosen[key] = tensor;
    }
    return chosen;
  };
  const auto frozen = blocks("checkpoint_0.safetensors"), freed = blocks("checkpoint_1.safetensors");
  EXPECT_THAT(read_text(output / "pretrained.tsv"), HasSubstr("\tdecoder.seg_layers.0.weight\tskipped\t"));
  bool moved = false;
  for (const auto& [key, tensor] : state_dict(*donor)) {
    if (frozen.count(key) == 0) continue;
    EXPECT_TRUE(torch::equal(frozen.at(key), tensor)) << key;
    moved = moved || !torch::equal(freed.at(key), tensor);
  }
  EXPECT_TRUE(moved);

  // Going on needs no file any more, nor being told how long the encoder stands still.
  fs::remove(config_.pretrained);
  config_.pretrained.clear();
  config_.freeze_epochs = 10;
  run("fold_0", 3, true);
  bool moved_on = false;
  for (const auto& [key, tensor] : blocks("checkpoint_2.safetensors"))
    moved_on = moved_on || !torch::equal(tensor, freed.at(key));
  EXPECT_TRUE(moved_on);
  EXPECT_TRUE(fs::exists(output / "pretrained.tsv"));
}

TEST_F(TinyTraining, TrainedModelPredictsInTheFilesOwnGrid) {
  const fs::path model = folder_ / "model";
  config_.epochs = 1;
  task_.output = model / "fold_0";
  train(task_, config_);
  Plan plan;
  plan.dataset_name = task_.info.name;
  plan.image_reader_writer = "SimpleITKIO";
  plan.intensities.resize(1);
  plan.configurations = {task_.configuration};
  plan.configurations[0].spacing = {1, 1};
  write_json(model / "plans.json", to_json(plan));
  write_text(model / "dataset.json",
             R"({"channel_names": {"0": "MRI"}, "labels": {"background": 0, "square": 1}, "numTraining": 3,
                 "file_ending": ".nii.gz"})");
  Image image({1, 2, 21, 45}, 0.0f);
  for (std::size_t i = 0; i < image.data.size(); ++i) image.data[i] = static_cast<float>(i % 7);
  Geometry geometry;
  geometry.spacing = {3, 1, 1};
  geometry.origin = {5, -6, 7};
  make_folder(folder_ / "in");
  write_image(folder_ / "in" / "case_9_0000.nii.gz", image, geometry);

  const Predictor predictor(model, {.libtorch = torch_model});
  const auto cases = list_cases(folder_ / "in", 1, ".nii.gz");
  const auto predicted = predictor.predict(cases.at(0));
  const Labels& labels = predicted.prediction.labels;
  EXPECT_EQ(labels.space(), image.space());
  EXPECT_EQ(predicted.properties.geometry.origin, geometry.origin);
  EXPECT_TRUE(std::ranges::all_of(labels.data, [](int value) { return value == 0 || value == 1; }));
  EXPECT_THAT(testing::error_of([&] { Predictor(model, {.folds = {"3"}}); }),
              HasSubstr("fold_3 does not exist"));
  EXPECT_THAT(testing::error_of([&] { Predictor(model, {.checkpoint = "latest"}); }),
              HasSubstr("checkpoint_latest.safetensors does not exist"));
}

TEST_F(TinyTraining, WithoutAugmentationPredictionMayNotMirror) {
  config_.augment = false;
  EXPECT_FALSE(read_checkpoint_info(run("fold_0", 1) / "checkpoint_final.safetensors").mirrored);
}

TEST(Trainers, AreChosenByNetworkAndPretraining) {
  EXPECT_EQ(trainer_for("swin_umamba", true).name, "nnUNetTrainerSwinUMamba");
  EXPECT_FALSE(trainer_for("swin_umamba_d", false).deep_supervision);
  EXPECT_EQ(trainer_for("nnunet", false).name, "nnUNetTrainer");
  EXPECT_EQ(trainer_for("nnunet", true).name, "nnUNetTrainer");
  EXPECT_THAT(testing::error_of([] { find_trainer("nnUNetTrainerSwinUMambaE"); }), HasSubstr("did you mean"));
  EXPECT_THAT(testing::error_of([] { trainer_for("vmamba_tiny", false); }), HasSubstr("is a classifier"));
}

TEST(Trainers, HaveTheOfficialSettings) {
  SEG_REQUIRE_SHARED("goldens/pipeline/training/trainers.json");
  const Json json = read_json(testing::shared_folder() / "goldens/pipeline/training/trainers.json");
  for (const auto& [name, expected] : json.items()) {
    const TrainerEntry& trainer = find_trainer(name);
    EXPECT_EQ(trainer.optimizer.learning_rate, expected["initial_lr"].get<double>()) << name;
    EXPECT_EQ(trainer.optimizer.weight_decay, expected["weight_decay"].get<double>()) << name;
    EXPECT_EQ(trainer.deep_supervision, expected["enable_deep_supervision"].get<bool>()) << name;
    EXPECT_EQ(trainer.pretrained, get_or<int>(expected, "freeze_encoder_epochs", 0) > 0) << name;
  }
}

TEST(Schedule, RatesEqualTheReference) {
  SEG_REQUIRE_SHARED("goldens/pipeline/training/lr.json");
  const Json json = read_json(testing::shared_folder() / "goldens/pipeline/training/lr.json");
  const auto cosine = json["cosine T_max=100"]["all"].get<std::vector<double>>();
  const auto poly = json["poly T_max=100"]["all"].get<std::vector<double>>();
  ASSERT_EQ(cosine.size(), 100u);
  ASSERT_EQ(poly.size(), 100u);
  for (std::size_t i = 0; i < cosine.size(); ++i) {
    const auto epoch = static_cast<std::int64_t>(i);
    EXPECT_NEAR(cosine_learning_rate(epoch, 100, 1e-4, 1e-6), cosine[i], 1e-12 * cosine[i]);
    EXPECT_NEAR(poly_learning_rate(epoch, 100, 1e-2, 0.9), poly[i], 1e-12 * poly[i]);
  }
}

}  // namespace
}  // namespace seg
