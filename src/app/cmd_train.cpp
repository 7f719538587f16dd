#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>
#include <optional>

#include "app/command.h"
#include "app/options.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "data/splits.h"
#include "net/set_up_torch.h"
#include "train/trainer.h"
#include "train/trainers.h"
#include "train/validation.h"

namespace seg {
namespace {

struct TrainOptions {
  std::string dataset, configuration = "2d", fold, network = "swin_umamba_d", trainer, plans = "nnUNetPlans";
  std::string patch_size;
  std::optional<std::int64_t> batch_size;
  std::optional<double> learning_rate;
  std::optional<std::int64_t> freeze_epochs;
  bool validate = true, validate_only = false, save_probabilities = false;
  DataFolders folders;
  TrainConfig config;
};

/// Cases of a folder of preprocessed cases, from their JSON files.
std::vector<std::string> stored_ids(const fs::path& folder) {
  if (!fs::is_directory(folder)) {
    throw Error(fmt::format("no preprocessed cases: folder {} does not exist", folder.string()),
                "run `swin-umamba preprocess -d DATASET -c 2d` first");
  }
  std::vector<std::string> ids;
  for (const auto& path : list_files(folder, ".json")) ids.push_back(path.stem().string());
  return ids;
}

/// What a model folder holds beside its folds.
void write_model_files(const fs::path& model, const fs::path& preprocessed, const fs::path& plans_file) {
  make_folder(model);
  write_text(model / "plans.json", read_text(plans_file));
  write_text(model / "dataset.json", read_text(preprocessed / "dataset.json"));
  const fs::path fingerprint = preprocessed / "dataset_fingerprint.json";
  if (fs::exists(fingerprint)) write_text(model / "dataset_fingerprint.json", read_text(fingerprint));
}

/// results/DATASET/TRAINER__PLANS__CONFIGURATION
fs::path model_folder(const TrainOptions& options, const fs::path& dataset, const TrainerEntry& trainer) {
  return options.folders.results / dataset /
         fmt::format("{}__{}__{}", trainer.name, options.plans, options.configuration);
}

/// A training that goes on is found as well where it started from weights: they are not needed again.
const TrainerEntry& chosen_trainer(const TrainOptions& options, const fs::path& dataset) {
  if (!options.trainer.empty()) return find_trainer(options.trainer);
  const bool has_weights = !options.config.pretrained.empty();
  const TrainerEntry& usual = trainer_for(options.network, has_weights);
  if (has_weights || !(options.config.resume || options.validate_only)) return usual;
  const auto is_there = [&](const TrainerEntry& trainer) {
    return !newest_checkpoint(model_folder(options, dataset, trainer) / ("fold_" + options.fold)).empty();
  };
  const TrainerEntry& other = trainer_for(options.network, true);
  return !is_there(usual) && is_there(other) ? other : usual;
}

void check_start(const TrainOptions& options, const TrainerEntry& trainer) {
  if (trainer.pretrained && options.config.pretrained.empty() && !options.config.resume &&
      !options.validate_only) {
    fail_usage("{} starts from pretrained weights: expected --pretrained FILE", trainer.name);
  }
  std::vector<std::string_view> freezable;
  for (const auto& entry : trainers()) {
    if (entry.pretrained) freezable.push_back(entry.network);
  }
  if (options.freeze_epochs && std::ranges::find(freezable, trainer.network) == freezable.end()) {
    fail_usage("{} has no encoder that --freeze-epochs could freeze; {} have one", trainer.network,
               fmt::join(freezable, ", "));
  }
}

void run_train(TrainOptions& options) {
  set_up_torch();
  const fs::path preprocessed = find_dataset(options.folders.preprocessed, options.dataset);
  const TrainerEntry& trainer = chosen_trainer(options, preprocessed.filename());
  check_start(options, trainer);
  const fs::path plans_file = preprocessed / (options.plans + ".json"),
                 dataset_file = preprocessed / "dataset.json";
  const Plan plan = plan_from_json(read_json(plans_file), plans_file.string());
  TrainTask task;
  task.configuration = plan.configuration(options.configuration);
  if (task.configuration.patch_size.size() != 2)
    fail("configuration {} is not 2-D; only 2d is offered", options.configuration);
  task.info = parse_dataset_info(read_json(dataset_file), plan.dataset_name, dataset_file.string());
  task.cases = preprocessed / task.configuration.data_identifier;
  task.split = split_for_fold(preprocessed / "splits_final.json", stored_ids(task.cases), options.fold);
  const fs::path model = model_folder(options, preprocessed.filename(), trainer);
  task.output = model / ("fold_" + options.fold);

  TrainConfig& config = options.config;
  config.trainer = trainer.name;
  config.network = trainer.network;
  config.deep_supervision = trainer.deep_supervision;
  // U-Mamba has blocks of its own, but the same layers in them.
  const bool follows_plans = config.network == "nnunet" || config.network.starts_with("umamba");
  if (follows_plans && task.configuration.network_class.find(" with") != std::string::npos)
    fail("{}: expected instance norm, LeakyReLU, biases and no dropout, got a {}", plans_file.string(),
         task.configuration.network_class);
  if (config.network == "nnunet" && task.configuration.network_class != "PlainConvUNet") {
    fail("{}: expected plans of a PlainConvUNet, which nnunet is, got those of a {}", plans_file.string(),
         task.configuration.network_class);
  }
  config.freeze_epochs = options.freeze_epochs.value_or(trainer.pretrained ? config.freeze_epochs : 0);
  config.optimizer = trainer.optimizer;
  config.optimizer.learning_rate = options.learning_rate.value_or(config.optimizer.learning_rate);
  config.batch_size = options.batch_size.value_or(task.configuration.batch_size);
  const auto& planned = task.configuration.patch_size;
  config.patch_size =
      options.patch_size.empty() ? std::array{planned[0], planned[1]} : parse_patch_size(options.patch_size);

  if (!options.validate_only) {
    write_model_files(model, preprocessed, plans_file);
    train(task, config);
    note("peak memory {:.0f} MiB", peak_memory_mib());
  }
  if (options.validate || options.validate_only) {
    const double dice = validate_fold(model, options.fold, task, preprocessed / "gt_segmentations",
                                      options.save_probabilities);
    note("mean foreground Dice of the validation cases: {:.4f}", dice);
  }
  fmt::print("{}\n", model.string());
}

}  // namespace

Run declare_train(CLI::App& app) {
  auto options = std::make_shared<TrainOptions>();
  TrainConfig& config = options->config;
  add_dataset_option(app, options->dataset);
  app.add_option("-c,--configuration", options->configuration, "configuration of the plans")
      ->capture_default_str();
  app.add_option("-f,--fold", options->fold, "0 to 4, or all")->required()->type_name("FOLD");
  auto* network = app.add_option("--network", options->network, "network to train")
                      ->capture_default_str()
                      ->type_name("NAME");
  app.add_option("--tr,--trainer", options->trainer, "official trainer name instead of --network")
      ->type_name("NAME")
      ->excludes(network);
  app.add_option("--plans", options->plans, "name of the plans")->capture_default_str();
  app.add_option("--epochs", config.epochs, "epochs")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--iterations", config.iterations, "training batches per epoch")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--val-iterations", config.val_iterations, "validation batches per epoch")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--batch-size", options->batch_size, "batch size instead of the plans'")
      ->check(CLI::PositiveNumber);
  app.add_option("--patch-size", options->patch_size, "patch size instead of the plans'")->type_name("HxW");
  app.add_option("--learning-rate", options->learning_rate, "of the first epoch, instead of the trainer's")
      ->check(CLI::PositiveNumber);
  app.add_option("--seed", config.seed, "seed of weights, sampling and augmentation")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  auto* pretrained = app.add_option("--pretrained", config.pretrained,
                                    "weights to start from (.pth or .safetensors): VMamba-Tiny's for the "
                                    "encoder of swin_umamba*, or a checkpoint of the same network")
                         ->type_name("FILE");
  app.add_option(
         "--freeze-epochs", options->freeze_epochs,
         "epochs in which the encoder of swin_umamba* stands still (default: 10 where the trainer needs "
         "--pretrained, else 0)")
      ->needs(pretrained)
      ->check(CLI::NonNegativeNumber)
      ->type_name("N");
  app.add_option("--keep-every", config.keep_every,
                 "also keep checkpoint_<epoch> every N epochs (the official trainers: 50)")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  app.add_flag("!--no-augmentation", config.augment,
               "train on the images as they are: learns faster at first, generalises worse in the end");
  app.add_flag("--continue", config.resume, "go on from the newest checkpoint of this fold")
      ->excludes("--freeze-epochs");
  app.add_flag("!--no-validation", options->validate,
               "skip predicting the fold's validation cases at the end");
  app.add_flag("--val-only", options->validate_only,
               "train nothing: predict and score the validation cases of a trained fold anew")
      ->excludes("--no-validation");
  app.add_flag("--npz", options->save_probabilities,
               "also keep the probabilities of the validation cases, for `find-best` to try ensembles");
  add_folder_options(app, options->folders, false, true, true);
  app.footer(
      "Example:\n  swin-umamba train -d 4 -c 2d -f 0 --network swin_umamba_d --epochs 50 --batch-size 12");
  return [options] { run_train(*options); };
}

}  // namespace seg
