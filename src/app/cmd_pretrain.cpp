#include <CLI/CLI.hpp>

#include <memory>
#include <optional>

#include "app/command.h"
#include "base/error.h"
#include "data/image_folder.h"
#include "data/labelled_patches.h"
#include "net/set_up_torch.h"
#include "train/pretrain.h"

namespace seg {
namespace {

// VMamba's recipe: 5e-4 for every 512 pictures of a batch, and 20 of 300 epochs to warm up.
constexpr double kRate = 5e-4, kRateBatch = 512;
constexpr std::int64_t kWarmupPart = 15;

struct PretrainOptions {
  fs::path images, validation, segmentation, output;
  double val_share = 0.1;
  std::int64_t patches = 64;
  std::optional<double> learning_rate;
  std::optional<std::int64_t> warmup_epochs;
  PretrainConfig config;
};

ImageSets open_images(const PretrainOptions& options) {
  if (options.images.empty() == options.segmentation.empty())
    fail_usage("expected one of IMAGE_FOLDER and --from-segmentation DATASET_FOLDER");
  if (options.segmentation.empty())
    return open_image_folder(options.images, options.validation, options.val_share);
  return cut_labelled_patches(options.segmentation, {.size = options.config.image_size,
                                                     .per_case = options.patches,
                                                     .val_share = options.val_share,
                                                     .seed = options.config.seed});
}

void run_pretrain(PretrainOptions& options) {
  set_up_torch();
  PretrainConfig& config = options.config;
  if (options.output.extension() != ".safetensors")
    fail_usage("{}: expected a name ending in .safetensors", options.output.string());
  config.learning_rate =
      options.learning_rate.value_or(kRate * static_cast<double>(config.batch_size) / kRateBatch);
  config.warmup_epochs = options.warmup_epochs.value_or(config.epochs / kWarmupPart);
  check_config(config);
  if (options.output.has_parent_path()) make_folder(options.output.parent_path());
  pretrain(open_images(options), config, options.output);
  fmt::print("{}\n", options.output.string());
}

void add_recipe_options(CLI::App& app, PretrainOptions& options) {
  PretrainConfig& config = options.config;
  app.add_option("--epochs", config.epochs, "epochs")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--batch-size", config.batch_size, "pictures of a batch")
      ->capture_default_str()
      ->check(CLI::Range(2, 65536));
  app.add_option("--image-size", config.image_size, "pixels of a side, a multiple of 32")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--learning-rate", options.learning_rate,
                 "of AdamW when the warm-up ends (default: 5e-4 * batch size / 512)")
      ->check(CLI::PositiveNumber);
  app.add_option("--weight-decay", config.weight_decay, "not of norms, biases and the scan's A and D")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--warmup-epochs", options.warmup_epochs,
                 "the learning rate grows, then falls as a cosine (default: a fifteenth of the epochs)")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--label-smoothing", config.label_smoothing, "share of the target given to all classes")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 0.99));
  app.add_option("--mixup", config.mixup, "alpha of mixup; 0 mixes nothing")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--drop-path", config.drop_path, "rate of stochastic depth in the last block")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 0.99));
  app.add_option("--ema", config.ema,
                 "what the averaged weights keep per step (less in the first steps); 0 averages nothing")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 0.999999));
}

}  // namespace

Run declare_pretrain(CLI::App& app) {
  auto options = std::make_shared<PretrainOptions>();
  auto* images =
      app.add_option("images", options->images,
                     "a folder of pictures per class; train/ and val/ in it are used if there are both")
          ->type_name("IMAGE_FOLDER");
  auto* segmentation =
      app.add_option("--from-segmentation", options->segmentation,
                     "instead: a raw dataset, of which patches are classified by the label at their centre")
          ->type_name("DATASET_FOLDER")
          ->excludes(images);
  app.add_option("-o,--output", options->output,
                 "the averaged weights, for `train --pretrained`; beside them a checkpoint and curves (.png)")
      ->required()
      ->type_name("FILE.safetensors");
  app.add_option("--val", options->validation, "folder of pictures to validate on, of the same classes")
      ->type_name("FOLDER")
      ->excludes(segmentation);
  app.add_option("--val-share", options->val_share,
                 "share of each class, or of the cases, that is held out where there is no other validation")
      ->capture_default_str()
      ->check(CLI::Range(0.001, 0.9));
  app.add_option("--patches", options->patches, "patches per case of --from-segmentation")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  add_recipe_options(app, *options);
  app.add_option("--seed", options->config.seed, "seed of weights, patches, order and augmentation")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--continue", options->config.resume,
               "go on from the checkpoint; the result is the same as without an interruption");
  app.footer(
      "Trains VMamba-Tiny with its authors' recipe, without CutMix, RandAugment and random erasing. The "
      "weights written "
      "are the\naveraged ones (--ema); the latest stay in the checkpoint.\n"
      "Example:\n  swin-umamba pretrain ultrasound -o vmamba.safetensors --image-size 96 --epochs 100\n"
      "  swin-umamba train -d 4 -c 2d -f 0 --network swin_umamba_d --pretrained vmamba.safetensors");
  return [options] { run_pretrain(*options); };
}

}  // namespace seg
