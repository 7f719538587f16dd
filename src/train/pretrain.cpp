#include "train/pretrain.h"

#include <torch/nn/utils/clip_grad.h>
#include <torch/optim/optimizer.h>

#include <chrono>
#include <cmath>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/threads.h"
#include "data/picture_loader.h"
#include "eval/pictures.h"
#include "net/network.h"
#include "net/state_dict.h"
#include "train/checkpoint.h"
#include "train/classification.h"
#include "train/optimizer.h"
#include "train/schedule.h"
#include "weights/weights.h"

namespace seg {
namespace {

constexpr const char* kNetwork = "vmamba_tiny";
constexpr const char* kAveragePrefix = "averaged_weights.";
constexpr const char* kRecord = "pretraining";  // the checkpoint's metadata
constexpr double kClipNorm = 5;
constexpr std::int64_t kStride = 32;                  // pixels of a token of the last stage
constexpr std::uint64_t kMixupStream = 0x6D69787570;  // beside the pictures' numbers

Json to_json(const PretrainLog& log) {
  return {{"train_losses", log.train_losses},
          {"val_losses", log.val_losses},
          {"top1", log.top1},
          {"top5", log.top5},
          {"lrs", log.learning_rates},
          {"epoch_seconds", log.epoch_seconds}};
}

PretrainLog log_from_json(const Json& json) {
  using Numbers = std::vector<double>;
  return {get<Numbers>(json, "train_losses"), get<Numbers>(json, "val_losses"),
          get<Numbers>(json, "top1"),         get<Numbers>(json, "top5"),
          get<Numbers>(json, "lrs"),          get<Numbers>(json, "epoch_seconds")};
}

/// Everything that decides how a training goes on.
Json settings_of(const PretrainConfig& config, const ImageSets& images) {
  return {{"epochs", config.epochs},
          {"warmup-epochs", config.warmup_epochs},
          {"batch-size", config.batch_size},
          {"image-size", config.image_size},
          {"learning-rate", config.learning_rate},
          {"weight-decay", config.weight_decay},
          {"label-smoothing", config.label_smoothing},
          {"mixup", config.mixup},
          {"drop-path", config.drop_path},
          {"ema", config.ema},
          {"seed", config.seed},
          {"number of pictures", images.train->count()}};
}

fs::path beside(const fs::path& output, const char* ending) {
  return fs::path(output).replace_extension(ending);
}

class Pretraining {
 public:
  Pretraining(const ImageSets& images, const PretrainConfig& config, const fs::path& output);
  PretrainLog run();

 private:
  std::int64_t classes() const { return static_cast<std::int64_t>(images_.classes.size()); }
  void resume();
  double train_epoch();
  double train_step(std::int64_t step);
  void evaluate();
  void save_checkpoint();
  void write_output();
  void draw_curves() const;

  const ImageSets& images_;
  const PretrainConfig& config_;
  fs::path output_, checkpoint_;
  std::shared_ptr<Network> network_, average_;
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
  std::optional<PictureLoader> loader_;
  std::int64_t epoch_ = 0, steps_per_epoch_ = 0;
  PretrainLog log_;
  std::optional<Progress> progress_;
};

Pretraining::Pretraining(const ImageSets& images, const PretrainConfig& config, const fs::path& output)
    : images_(images),
      config_(config),
      output_(output),
      checkpoint_(beside(output, ".checkpoint.safetensors")) {
  check_config(config);
  torch::manual_seed(config.seed);
  network_ = make_network(kNetwork, {3, classes()});
  average_ = make_network(kNetwork, {3, classes()});
  load_state_dict_strictly(*average_, state_dict(*network_));
  spread_drop_path_rates(*network_, config.drop_path);
  average_->eval();
  optimizer_ = make_classifier_optimizer(*network_, config.weight_decay);
  if (config.resume) resume();
  loader_.emplace(images.train, PictureLoaderConfig{.batch_size = config.batch_size,
                                                    .side = config.image_size,
                                                    .centred = images.centred,
                                                    .seed = config.seed,
                                                    .threads = std::max(1, thread_count() / 2)});
  steps_per_epoch_ = loader_->batches_per_epoch();
  if (epoch_ > 0) loader_->seek(epoch_ * steps_per_epoch_);
}

void Pretraining::resume() {
  if (!fs::exists(checkpoint_)) {
    throw Error(fmt::format("nothing to continue: no {}", checkpoint_.string()),
                "leave out --continue to start anew");
  }
  with_context("load checkpoint " + checkpoint_.string(), [&] {
    const NamedArrays file = open_weights(checkpoint_);
    const auto found = file.metadata().find(kRecord);
    if (found == file.metadata().end()) fail("expected a checkpoint of `swin-umamba pretrain`");
    const Json record = parse_json(found->second, "its metadata");
    const auto classes = get<std::vector<std::string>>(record, "classes");
    if (classes != images_.classes)
      fail("expected the classes {}, got {}", fmt::join(classes, ", "), fmt::join(images_.classes, ", "));
    const Json before = get<Json>(record, "settings"), settings = settings_of(config_, images_);
    for (const auto& [key, value] : settings.items()) {
      if (const Json old = get<Json>(before, key); old != value)
        warn("{} was {} so far and is {} from now on", key, old.dump(), value.dump());
    }
    load_state_dict_strictly(*network_, read_tensors(file, kWeightsPrefix));
    load_state_dict_strictly(*average_, read_tensors(file, kAveragePrefix));
    set_optimizer_state(*network_, *optimizer_, read_tensors(file, kStatePrefix));
    log_ = log_from_json(get<Json>(record, "log"));
    epoch_ = get<std::int64_t>(record, "epoch");
    note("continuing with epoch {} of {}", epoch_ + 1, config_.epochs);
  });
}

double Pretraining::train_step(std::int64_t step) {
  PictureBatch batch = loader_->next();
  const std::int64_t side = config_.image_size;
  const Tensor images = torch::from_blob(batch.data.data(), {batch.size, 3, side, side});
  const Tensor labels = torch::from_blob(batch.classes.data(), {batch.size}, torch::kInt64);
  Rng rng(config_.seed ^ kMixupStream, static_cast<std::uint64_t>(step));
  const double share = draw_mixup_share(config_.mixup, rng);
  const double rate = warmup_cosine_learning_rate(step, steps_per_epoch_ * config_.warmup_epochs,
                                                  steps_per_epoch_ * config_.epochs, config_.learning_rate);
  for (auto& group : optimizer_->param_groups()) group.options().set_lr(rate);
  for (auto& parameter : network_->parameters()) parameter.mutable_grad() = Tensor();
  const Tensor logits = network_->forward(mix_with_reverse(images, share))[0];
  const Tensor loss =
      soft_cross_entropy(logits, soft_targets(labels, classes(), config_.label_smoothing, share));
  loss.backward();
  torch::nn::utils::clip_grad_norm_(network_->parameters(), kClipNorm);
  optimizer_->step();
  update_average(*average_, *network_, average_keep(config_.ema, step + 1));
  const double value = loss.item<double>();
  if (!std::isfinite(value)) {
    throw Error(fmt::format("the loss became {} in epoch {}", value, epoch_ + 1),
                "continue from the last checkpoint with a smaller --learning-rate");
  }
  progress_->set_suffix(fmt::format("epoch {}/{} loss {:.3f}", epoch_ + 1, config_.epochs, value));
  progress_->advance();
  return value;
}

double Pretraining::train_epoch() {
  // Stochastic depth of an epoch depends on the epoch alone, so that a resumed training goes on as it would
  // have.
  torch::manual_seed(config_.seed + static_cast<std::uint64_t>(epoch_));
  network_->train();
  double sum = 0;
  for (std::int64_t i = 0; i < steps_per_epoch_; ++i) sum += train_step(epoch_ * steps_per_epoch_ + i);
  return sum / static_cast<double>(steps_per_epoch_);
}

void Pretraining::evaluate() {
  const torch::NoGradGuard no_grad;
  const std::int64_t count = images_.val->count(), side = config_.image_size;
  double loss = 0;
  std::int64_t top1 = 0, top5 = 0;
  for (std::int64_t first = 0; first < count; first += config_.batch_size) {
    PictureBatch batch = evaluation_batch(*images_.val, first, config_.batch_size, side);
    const Tensor labels = torch::from_blob(batch.classes.data(), {batch.size}, torch::kInt64);
    const Tensor logits =
        average_->forward(torch::from_blob(batch.data.data(), {batch.size, 3, side, side}))[0];
    loss += soft_cross_entropy(logits, soft_targets(labels, classes(), 0, 1)).item<double>() *
            static_cast<double>(batch.size);
    top1 += count_top(logits, labels, 1);
    top5 += count_top(logits, labels, 5);
  }
  const auto all = static_cast<double>(count);
  log_.val_losses.push_back(loss / all);
  log_.top1.push_back(static_cast<double>(top1) / all);
  log_.top5.push_back(static_cast<double>(top5) / all);
}

void Pretraining::save_checkpoint() {
  NamedTensors tensors;
  const auto add = [&](const char* prefix, const NamedTensors& group) {
    for (const auto& [name, tensor] : group)
      tensors.emplace_back(prefix + name, tensor.detach().contiguous());
  };
  add(kWeightsPrefix, state_dict(*network_));
  add(kAveragePrefix, state_dict(*average_));
  add(kStatePrefix, optimizer_state(*network_, *optimizer_));
  const Json record{{"classes", images_.classes},
                    {"settings", settings_of(config_, images_)},
                    {"epoch", epoch_},
                    {"log", to_json(log_)}};
  write_safetensors(checkpoint_, views_of(tensors), {{"format", "pt"}, {kRecord, to_text(record)}});
}

void Pretraining::write_output() {
  NamedTensors tensors;
  for (const auto& [name, tensor] : state_dict(*average_))
    tensors.emplace_back(name, tensor.detach().contiguous());
  write_safetensors(output_, views_of(tensors),
                    {{"format", "pt"},
                     {"network", kNetwork},
                     {"classes", Json(images_.classes).dump()},
                     {"image_size", std::to_string(config_.image_size)},
                     {"epochs", std::to_string(epoch_)}});
}

void Pretraining::draw_curves() const {
  draw_training_curves(beside(output_, ".png"),
                       {.train_loss = log_.train_losses,
                        .val_loss = log_.val_losses,
                        .pseudo_dice = log_.top1,
                        .ema_dice = log_.top5,
                        .epoch_seconds = log_.epoch_seconds,
                        .learning_rate = log_.learning_rates,
                        .score = "accuracy",
                        .dice_name = "top-1 accuracy",
                        .ema_name = "top-5 accuracy"},
                       fmt::format("{}, {} classes", kNetwork, classes()));
}

PretrainLog Pretraining::run() {
  note("{}: {} classes, {} pictures to train on, {} held out; {} epochs of {} batches of {}, {}x{} pixels",
       kNetwork, classes(), images_.train->count(), images_.val->count(), config_.epochs, steps_per_epoch_,
       config_.batch_size, config_.image_size, config_.image_size);
  progress_.emplace("pretraining", (config_.epochs - epoch_) * steps_per_epoch_, "it");
  while (epoch_ < config_.epochs) {
    const auto start = std::chrono::steady_clock::now();
    log_.train_losses.push_back(train_epoch());
    log_.learning_rates.push_back(optimizer_->param_groups()[0].options().get_lr());
    evaluate();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    log_.epoch_seconds.push_back(seconds.count());
    ++epoch_;
    note("epoch {}: training loss {:.4f}, validation loss {:.4f}, top-1 {:.2f} %{}, {:.1f} s", epoch_,
         log_.train_losses.back(), log_.val_losses.back(), 100 * log_.top1.back(),
         classes() > 5 ? fmt::format(", top-5 {:.2f} %", 100 * log_.top5.back()) : "", seconds.count());
    save_checkpoint();
    draw_curves();
  }
  progress_.reset();
  write_output();
  return log_;
}

}  // namespace

void check_config(const PretrainConfig& config) {
  if (config.image_size < kStride || config.image_size % kStride != 0)
    fail_usage("image size: expected a multiple of {}, got {}", kStride, config.image_size);
  if (config.warmup_epochs >= config.epochs) {
    fail_usage("warm-up: expected fewer than the {} epochs of the training, got {}", config.epochs,
               config.warmup_epochs);
  }
}

PretrainLog pretrain(const ImageSets& images, const PretrainConfig& config, const fs::path& output) {
  return Pretraining(images, config, output).run();
}

}  // namespace seg
