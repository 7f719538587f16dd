#include "train/trainer.h"

#include <fmt/chrono.h>
#include <fmt/ranges.h>
#include <torch/nn/utils/clip_grad.h>
#include <torch/optim/optimizer.h>

#include <chrono>
#include <fstream>
#include <memory>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/threads.h"
#include "data/loader.h"
#include "eval/pictures.h"
#include "infer/network_config.h"
#include "net/network.h"
#include "train/checkpoint.h"
#include "train/log_lines.h"
#include "train/loss.h"
#include "train/optimizer.h"
#include "train/pretrained.h"

namespace seg {
namespace {

using torch::Tensor;

constexpr const char* kPretrainedTable = "pretrained.tsv";
constexpr double kEmaKeep = 0.9;                       // ema = 0.9 * old + 0.1 * new
constexpr std::uint64_t kValidationStream = 0x76616C;  // validation batches differ from training ones

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// training_log_*.txt with nnU-Net's line format; the text goes to the user as well. Lines said before `open`
/// are kept until then, so that a training that cannot start leaves no file behind.
class LogFile {
 public:
  void open(const fs::path& folder) {
    const auto time = fmt::localtime(std::time(nullptr));
    const auto name = fmt::format("training_log_{}_{}_{}_{:%H_%M_%S}.txt", time.tm_year + 1900,
                                  time.tm_mon + 1, time.tm_mday, time);
    out_.open(folder / name, std::ios::app);
    path_ = folder / name;
    check();
    for (const auto& kept : std::exchange(early_, {})) out_ << kept << std::flush;
    check();
  }

  void line(const std::string& text) {
    const double stamp = now();
    const auto seconds = static_cast<std::time_t>(stamp);
    const auto micros = static_cast<int>((stamp - static_cast<double>(seconds)) * 1e6);
    const auto stamped =
        fmt::format("{:%Y-%m-%d %H:%M:%S}.{:06}: {} \n", fmt::localtime(seconds), micros, text);
    if (!text.empty()) note("{}", text);
    if (path_.empty()) {
      early_.push_back(stamped);
      return;
    }
    out_ << stamped << std::flush;
    check();
  }

 private:
  void check() const {
    if (!out_) fail("cannot write {}", path_.string());
  }

  std::ofstream out_;
  fs::path path_;
  std::vector<std::string> early_;
};

struct BatchTensors {
  Tensor data;                  // [B, C, H, W]
  std::vector<Tensor> targets;  // int64 [B, T, h, w]
};

BatchTensors to_tensors(Batch& batch) {
  BatchTensors result;
  result.data = torch::from_blob(batch.data.data(), {batch.size, batch.channels, batch.height, batch.width});
  for (std::size_t i = 0; i < batch.targets.size(); ++i) {
    const auto [h, w] = batch.target_sizes[i];
    result.targets.push_back(
        torch::from_blob(batch.targets[i].data(), {batch.size, batch.target_channels, h, w}, torch::kInt16)
            .to(torch::kInt64));
  }
  return result;
}

/// A resumed training goes on as it would have only with the settings it began with.
void warn_of_changes(const CheckpointInfo& saved, const CheckpointInfo& now_set) {
  const auto compare = [](const char* what, const auto& before, const auto& after) {
    if (before != after) warn("{} was {} so far and is {} from now on", what, before, after);
  };
  compare("--epochs", saved.epochs, now_set.epochs);
  compare("--iterations", saved.iterations, now_set.iterations);
  compare("--batch-size", saved.batch_size, now_set.batch_size);
  compare("--seed", saved.seed, now_set.seed);
  compare("augmentation", saved.mirrored, now_set.mirrored);
  compare("patch size", fmt::format("{}", fmt::join(saved.patch_size, "x")),
          fmt::format("{}", fmt::join(now_set.patch_size, "x")));
}

class Trainer {
 public:
  Trainer(const TrainTask& task, const TrainConfig& config);
  void run();

 private:
  Loader make_loader(const std::vector<std::string>& ids, bool training) const;
  void start_from_weights();
  void freeze_encoder(bool frozen);
  double train_epoch();
  double validate();  // fills the log's Dice entries
  void finish_epoch(double train_loss, double val_loss);
  void save(const std::string& name) { save_checkpoint(task_.output / name, *network_, *optimizer_, info_); }

  const TrainTask& task_;
  const TrainConfig& config_;
  LossConfig loss_;
  std::shared_ptr<Network> network_;
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
  CheckpointInfo info_;
  std::string pretrained_table_;
  LogFile log_;
  std::optional<Loader> train_loader_, val_loader_;
  std::optional<Progress> progress_;
};

Trainer::Trainer(const TrainTask& task, const TrainConfig& config) : task_(task), config_(config) {
  torch::manual_seed(config.seed);
  loss_.regions = task.info.has_regions();
  loss_.batch_dice = task.configuration.batch_dice;
  loss_.ignore_label = task.info.ignore_label();
  info_.trainer_name = config.trainer;
  info_.network = config.network;
  info_.network_config = {static_cast<std::int64_t>(task.info.channel_names.size()),
                          task.info.output_channels(), config.deep_supervision, config.patch_size,
                          topology_of(task.configuration)};
  info_.epochs = config.epochs;
  info_.seed = config.seed;
  info_.mirrored = config.augment;
  info_.iterations = config.iterations;
  info_.batch_size = config.batch_size;
  network_ = make_network(config.network, info_.network_config);
  info_.patch_size = info_.network_config.patch_size = network_->legal_size(config.patch_size);
  if (info_.patch_size != config.patch_size) {
    log_.line(fmt::format("patch size {} enlarged to {}, which {} takes", fmt::join(config.patch_size, "x"),
                          fmt::join(info_.patch_size, "x"), config.network));
  }
  optimizer_ = make_optimizer(*network_, config.optimizer);
  start_from_weights();
  train_loader_.emplace(make_loader(task.split.train, true));
  val_loader_.emplace(make_loader(task.split.val, false));
}

Loader Trainer::make_loader(const std::vector<std::string>& ids, bool training) const {
  LoaderConfig config;
  config.batch_size = config_.batch_size;
  config.patch_size = info_.patch_size;
  config.scales = config_.deep_supervision ? network_->scales() : std::vector<Scale2d>{{1, 1}};
  config.foreground_share = config_.foreground_share;
  config.augment = training && config_.augment;
  config.seed = training ? config_.seed : config_.seed ^ kValidationStream;
  config.threads = training ? std::max(1, thread_count() / 2) : 1;
  Loader loader(task_.cases, ids, task_.info, task_.configuration, config);
  loader.seek(info_.current_epoch * (training ? config_.iterations : config_.val_iterations));
  return loader;
}

void Trainer::start_from_weights() {
  if (config_.resume) {
    const fs::path checkpoint = newest_checkpoint(task_.output);
    if (checkpoint.empty()) {
      throw Error(fmt::format("nothing to continue: no checkpoint in {}", task_.output.string()),
                  "leave out --continue to start anew");
    }
    const CheckpointInfo saved = read_checkpoint_info(checkpoint);
    if (saved.network != info_.network) {
      fail("{}: expected a checkpoint of network {}, got one of {}", checkpoint.string(), info_.network,
           saved.network);
    }
    warn_of_changes(saved, info_);
    const auto& rates = saved.logging.lrs;  // every schedule starts with the base rate
    if (!rates.empty() && std::abs(rates.front() / config_.optimizer.learning_rate - 1) > 1e-9)
      warn("--learning-rate was {} so far and is {} from now on", rates.front(),
           config_.optimizer.learning_rate);
    restore_checkpoint(checkpoint, *network_, *optimizer_);
    info_.current_epoch = saved.current_epoch;
    info_.best_ema = saved.best_ema;
    info_.pretrained = saved.pretrained;
    info_.freeze_epochs = saved.freeze_epochs;
    info_.logging = saved.logging;
    log_.line(
        fmt::format("continuing with epoch {} from {}", info_.current_epoch, checkpoint.filename().string()));
  } else if (!config_.pretrained.empty()) {
    const PretrainedReport report = load_pretrained(*network_, config_.pretrained);
    info_.pretrained = true;
    info_.freeze_epochs = config_.freeze_epochs;
    pretrained_table_ = report.table();
    log_.line(fmt::format("{} starts from {}: {} tensors loaded, {} adapted, {} skipped; {} lists them",
                          report.encoder_only ? "the encoder" : "the network", config_.pretrained.string(),
                          report.count(Taken::loaded), report.count(Taken::adapted),
                          report.count(Taken::skipped), kPretrainedTable));
  }
}

void Trainer::freeze_encoder(bool frozen) {
  for (auto& parameter : network_->pretrained_parameters()) {
    parameter.set_requires_grad(!frozen);
    if (frozen) parameter.mutable_grad() = Tensor();
  }
}

double Trainer::train_epoch() {
  network_->train();
  network_->set_deep_supervision(config_.deep_supervision);
  double sum = 0;
  for (std::int64_t i = 0; i < config_.iterations; ++i) {
    Batch batch = train_loader_->next();
    const BatchTensors tensors = to_tensors(batch);
    for (auto& parameter : network_->parameters()) parameter.mutable_grad() = Tensor();
    const Tensor loss = deep_supervision_loss(network_->forward(tensors.data), tensors.targets, loss_);
    loss.backward();
    torch::nn::utils::clip_grad_norm_(network_->parameters(), config_.clip_norm);
    optimizer_->step();
    const double value = loss.item<double>();
    if (!std::isfinite(value)) {
      throw Error(fmt::format("the loss became {} in epoch {}, iteration {}", value, info_.current_epoch, i),
                  "continue from the last checkpoint with a smaller --learning-rate");
    }
    sum += value;
    progress_->set_suffix(
        fmt::format("epoch {}/{} loss {:.3f}", info_.current_epoch + 1, config_.epochs, value));
    progress_->advance();
  }
  return sum / static_cast<double>(config_.iterations);
}

double Trainer::validate() {
  const torch::NoGradGuard no_grad;
  network_->eval();
  double sum = 0;
  HardCounts counts;
  for (std::int64_t i = 0; i < config_.val_iterations; ++i) {
    Batch batch = val_loader_->next();
    const BatchTensors tensors = to_tensors(batch);
    const auto logits = network_->forward(tensors.data);
    sum += deep_supervision_loss(logits, tensors.targets, loss_).item<double>();
    counts += hard_counts(logits[0], tensors.targets[0], loss_);
  }
  auto& log = info_.logging;
  log.dice_per_class_or_region.push_back(counts.dice());
  const double mean = nan_mean(counts.dice());
  log.ema_fg_dice.push_back(
      log.ema_fg_dice.empty() ? mean : kEmaKeep * log.ema_fg_dice.back() + (1 - kEmaKeep) * mean);
  log.mean_fg_dice.push_back(mean);
  return sum / static_cast<double>(config_.val_iterations);
}

void Trainer::finish_epoch(double train_loss, double val_loss) {
  auto& log = info_.logging;
  log.train_losses.push_back(train_loss);
  log.val_losses.push_back(val_loss);
  log.epoch_end_timestamps.push_back(now());
  ++info_.current_epoch;
  const double ema = log.ema_fg_dice.back();
  const bool best = !info_.best_ema || ema > *info_.best_ema;
  if (best) info_.best_ema = ema;
  for (const auto& line : lines_after_epoch(log, log.train_losses.size() - 1, best)) log_.line(line);
  const bool last = info_.current_epoch == config_.epochs;
  if (config_.keep_every > 0 && info_.current_epoch % config_.keep_every == 0) {
    save(fmt::format("checkpoint_{}.safetensors", info_.current_epoch - 1));
  }
  if (info_.current_epoch % config_.save_every == 0 && !last) save("checkpoint_latest.safetensors");
  if (best) save("checkpoint_best.safetensors");
  TrainingCurves curves{log.train_losses, log.val_losses, log.mean_fg_dice, log.ema_fg_dice, {}, log.lrs};
  for (std::size_t i = 0; i < log.epoch_end_timestamps.size(); ++i) {
    curves.epoch_seconds.push_back(log.epoch_end_timestamps[i] - log.epoch_start_timestamps[i]);
  }
  draw_training_curves(task_.output / "progress.png", curves,
                       fmt::format("{} ({})", info_.network, task_.info.name));
}

void Trainer::run() {
  make_folder(task_.output);
  if (!config_.resume) {
    for (const auto& old : list_files(task_.output, ".safetensors")) {
      note("removing {} of an earlier training", old.filename().string());
      fs::remove(old);
    }
    fs::remove(task_.output / kPretrainedTable);
    if (!pretrained_table_.empty()) write_text(task_.output / kPretrainedTable, pretrained_table_);
  }
  log_.open(task_.output);
  log_.line(fmt::format(
      "{} on {}: {} training and {} validation cases, patch {}, batch {}, {} epochs of {} iterations",
      config_.network, task_.info.name, task_.split.train.size(), task_.split.val.size(),
      fmt::join(info_.patch_size, "x"), config_.batch_size, config_.epochs, config_.iterations));
  log_.line(
      fmt::format("batches are made ahead in up to {:.0f} MiB",
                  static_cast<double>(train_loader_->memory_bytes() + val_loader_->memory_bytes()) / 0x1p20));
  progress_.emplace("training", (config_.epochs - info_.current_epoch) * config_.iterations, "it");
  while (info_.current_epoch < config_.epochs) {
    // Stochastic depth of an epoch depends on the epoch alone, so that a resumed training goes on as it would
    // have.
    torch::manual_seed(config_.seed + static_cast<std::uint64_t>(info_.current_epoch));
    const bool frozen = info_.current_epoch < info_.freeze_epochs;
    freeze_encoder(frozen);
    const double rate =
        set_learning_rate(*optimizer_, config_.optimizer, info_.current_epoch, config_.epochs);
    info_.logging.lrs.push_back(rate);
    info_.logging.epoch_start_timestamps.push_back(now());
    if (info_.freeze_epochs > 0) log_.line(frozen ? "Freezing the encoder" : "Unfreezing the encoder");
    for (const auto& line : lines_before_epoch(info_.current_epoch, rate)) log_.line(line);
    const double train_loss = train_epoch();
    finish_epoch(train_loss, validate());
  }
  progress_.reset();
  save("checkpoint_final.safetensors");
  fs::remove(task_.output / "checkpoint_latest.safetensors");
}

}  // namespace

fs::path newest_checkpoint(const fs::path& fold) {
  // Ours first: a training may have gone on from nnU-Net's.
  for (const char* ending : {".safetensors", ".pth"}) {
    for (const char* name : {"final", "latest", "best"}) {
      const fs::path path = fold / fmt::format("checkpoint_{}{}", name, ending);
      if (fs::exists(path)) return path;
    }
  }
  return {};
}

void train(const TrainTask& task, const TrainConfig& config) {
  Trainer(task, config).run();
}

}  // namespace seg
