#include "train/predictor.h"

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "net/network.h"
#include "train/checkpoint.h"

namespace seg {
namespace {

/// A shared configuration name: the program plans and runs 2d only.
constexpr const char* kConfiguration = "2d";

/// Small tiles go through the network together: about this many pixels at a time, and no more than kMaxTiles.
constexpr std::int64_t kBatchPixels = 320 * 320;
constexpr std::int64_t kMaxTiles = 16;

std::vector<fs::path> fold_folders(const fs::path& model, const std::vector<std::string>& folds) {
  std::vector<fs::path> folders;
  for (const auto& fold : folds) {
    folders.push_back(model / ("fold_" + fold));
    if (!fs::is_directory(folders.back())) fail("{} does not exist", folders.back().string());
  }
  if (!folds.empty()) return folders;
  for (const auto& entry : fs::directory_iterator(model)) {
    if (entry.is_directory() && entry.path().filename().string().starts_with("fold_"))
      folders.push_back(entry.path());
  }
  std::sort(folders.begin(), folders.end());
  if (folders.empty()) {
    throw Error(fmt::format("no fold_* folder in {}", model.string()),
                "-m takes the folder <results>/<dataset>/<trainer>__<plans>__2d of a trained model");
  }
  return folders;
}

/// One checkpoint per fold, nnU-Net's where there is none of ours; a file that is named stands for itself,
/// whatever the folds.
std::vector<fs::path> checkpoint_files(const fs::path& model, const PredictOptions& options) {
  const std::string& name = options.checkpoint;
  if (name.ends_with(".safetensors") || name.ends_with(".pth") || name.ends_with(".pt")) return {name};
  std::vector<fs::path> files;
  for (const fs::path& fold : fold_folders(model, options.folds)) {
    const fs::path own = fold / fmt::format("checkpoint_{}.safetensors", name);
    const fs::path nnunet = fs::path(own).replace_extension(".pth");
    files.push_back(!fs::exists(own) && fs::exists(nnunet) ? nnunet : own);
  }
  return files;
}

/// The slices [begin, end) of every channel.
Image cut_slices(const Image& image, std::int64_t begin, std::int64_t end) {
  const std::int64_t slice = image.shape[2] * image.shape[3];
  Image cut({image.channels(), end - begin, image.shape[2], image.shape[3]});
  for (std::int64_t c = 0; c < image.channels(); ++c) {
    const auto from = image.channel(c).subspan(static_cast<std::size_t>(begin * slice),
                                               static_cast<std::size_t>((end - begin) * slice));
    std::ranges::copy(from, cut.channel(c).begin());
  }
  return cut;
}

}  // namespace

TileModel tile_model(std::shared_ptr<Network> network) {
  network->eval();
  network->set_deep_supervision(false);
  return [network](std::span<const float> tiles, std::int64_t n, std::int64_t channels, std::int64_t height,
                   std::int64_t width, std::span<float> logits) {
    const torch::InferenceMode inference;
    const Tensor input = torch::from_blob(const_cast<float*>(tiles.data()), {n, channels, height, width});
    const Tensor output = network->forward(input)[0].contiguous();
    std::copy_n(output.data_ptr<float>(), logits.size(), logits.begin());
  };
}

Predictor::Predictor(const fs::path& model_folder, const PredictOptions& options) {
  if (!fs::is_directory(model_folder)) fail("model folder {} does not exist", model_folder.string());
  const fs::path plans = model_folder / "plans.json", dataset = model_folder / "dataset.json";
  plan_ = plan_from_json(read_json(plans), plans.string());
  info_ = parse_dataset_info(read_json(dataset), plan_.dataset_name, dataset.string());
  for (const fs::path& file : checkpoint_files(model_folder, options)) {
    if (!fs::exists(file)) {
      throw Error(fmt::format("{} does not exist", file.string()),
                  "has the training of this fold finished? see --checkpoint");
    }
    const CheckpointInfo checkpoint = read_checkpoint_info(file);
    const auto channels = static_cast<std::int64_t>(info_.channel_names.size());
    if (checkpoint.network_config.in_channels != channels ||
        checkpoint.network_config.classes != info_.output_channels()) {
      fail("{}: expected a network of {} channels and {} classes as {} says, got {} and {}", file.string(),
           channels, info_.output_channels(), dataset.string(), checkpoint.network_config.in_channels,
           checkpoint.network_config.classes);
    }
    if (!models_.empty() && checkpoint.patch_size != window_.patch_size) {
      fail("{}: the folds were trained with different patch sizes", file.string());
    }
    if (options.mirror && !checkpoint.mirrored) {
      warn("{}: trained without mirroring, so predictions are not averaged over mirrors", file.string());
    }
    window_.mirror = options.mirror && checkpoint.mirrored && (models_.empty() || window_.mirror);
    window_.patch_size = checkpoint.patch_size;
    models_.push_back(tile_model(load_network(file, checkpoint)));
  }
  window_.step_size = options.step_size;
  window_.classes = info_.output_channels();
  window_.tiles_per_batch =
      std::clamp<std::int64_t>(kBatchPixels / (window_.patch_size[0] * window_.patch_size[1]), 1, kMaxTiles);
}

Predictor::CasePrediction Predictor::predict(const Case& files, bool with_probabilities) const {
  return with_context("predict " + files.id, [&] {
    const auto preprocessed = preprocess_case(files, plan_, plan_.configuration(kConfiguration), info_);
    return CasePrediction{predict(preprocessed.data, preprocessed.properties, with_probabilities),
                          preprocessed.properties};
  });
}

Prediction Predictor::predict(const Image& data, const CaseProperties& properties,
                              bool with_probabilities) const {
  if (data.shape[1] != properties.shape_after_cropping[0]) {
    fail("expected {} slices as the case's properties say, got {}", properties.shape_after_cropping[0],
         data.shape[1]);
  }
  const auto logits_of = [&](std::int64_t begin, std::int64_t end) {
    const Image slices = cut_slices(data, begin, end);
    Image logits;
    for (const TileModel& model : models_) {
      Image fold = predict_sliding_window(slices, window_, model);
      if (logits.data.empty()) {
        logits = std::move(fold);
      } else {
        std::ranges::transform(logits.data, fold.data, logits.data.begin(), std::plus<>());
      }
    }
    for (float& value : logits.data) value /= static_cast<float>(models_.size());
    return logits;
  };
  const std::int64_t block = slices_at_once(window_.classes * data.shape[2] * data.shape[3]);
  return export_in_blocks(logits_of, block, properties, plan_, plan_.configuration(kConfiguration), info_,
                          with_probabilities);
}

}  // namespace seg
