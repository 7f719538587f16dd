#include "infer/predictor.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "engine/engine.h"
#include "engine/int8_weights.h"
#include "engine/networks.h"

namespace seg {
namespace {

/// Small tiles go through the network together: about this many pixels at a time, and no more than kMaxTiles.
constexpr std::int64_t kBatchPixels = std::int64_t{320} * 320;
constexpr std::int64_t kMaxTiles = 16;

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

bool engine_has(const TrainedFold& fold) {
  return engine::has_network(fold.info.network, fold.info.network_config.topology);
}

TileModel engine_model(const TrainedFold& fold, engine::Calibration* calibration = nullptr) {
  return with_context("load " + fold.origin.string(), [&] {
    const auto& config = fold.info.network_config;
    const auto [height, width] = fold.info.patch_size;
    const FoldWeights weights = fold.weights();
    // The engine packs a copy of its own: what it has read needs no memory any more.
    const auto engine = std::make_shared<engine::Engine>(
        fold.info.network,
        engine::ImageShape{config.in_channels, config.classes, height, width, resolved_topology(config)},
        weights.arrays, [&](const TensorView& array) { weights.file->release(array); }, calibration);
    return [engine](std::span<const float> tiles, std::int64_t, std::int64_t, std::int64_t, std::int64_t,
                    std::span<float> logits) { engine->run(tiles, logits); };
  });
}

/// `model`, whose first call is compared with `reference`.
TileModel checked(TileModel model, TileModel reference) {
  return [model = std::move(model), reference = std::move(reference), first = std::make_shared<bool>(true)](
             std::span<const float> tiles, std::int64_t n, std::int64_t channels, std::int64_t height,
             std::int64_t width, std::span<float> logits) {
    model(tiles, n, channels, height, width, logits);
    if (!std::exchange(*first, false)) return;
    std::vector<float> expected(logits.size());
    reference(tiles, n, channels, height, width, expected);
    double worst = 0, difference = 0, size = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const double away = double{logits[i]} - double{expected[i]};
      worst = std::max(worst, std::abs(away));
      difference += away * away;
      size += double{expected[i]} * double{expected[i]};
    }
    note("engine against LibTorch on the first {}: logits differ by {:.2g} at most, relative L2 {:.2g}",
         n == 1 ? "tile" : fmt::format("{} tiles", n), worst, std::sqrt(difference / size));
  };
}

TileModel on_libtorch(const TrainedFold& fold, const FoldLoader& libtorch) {
  if (!libtorch) throw needs_libtorch("running " + fold.info.network + " on it");
  if (engine::has_int8(fold.weights().arrays)) {
    throw Error(fold.origin.string() + ": int8 layers run on the engine only, not on LibTorch",
                "leave out --engine torch and --check-engine, or take the model that was quantized");
  }
  return libtorch(fold);
}

TileModel model_of(const TrainedFold& fold, const PredictOptions& options) {
  const bool has = engine_has(fold);
  if (options.libtorch && !has && (options.runtime == Runtime::native || options.check_engine)) {
    fail_usage("the engine does not have {}{}: expected --engine torch", fold.info.network,
               engine::has_network(fold.info.network) ? " with as many features as this plan's" : "");
  }
  if (options.check_engine) {
    const TileModel reference = on_libtorch(fold, options.libtorch);
    return checked(engine_model(fold), reference);
  }
  return options.runtime == Runtime::torch ? on_libtorch(fold, options.libtorch)
                                           : fold_model(fold, options.libtorch);
}

}  // namespace

Error needs_libtorch(const std::string& what) {
  std::vector<std::string_view> own;
  for (const auto& row : engine::networks()) own.push_back(row.name);
  return Error(
      fmt::format(
          "{} takes LibTorch, which this build does not have: its own engine runs {}, those of a plan "
          "with stages of multiples of {} channels",
          what, fmt::join(own, ", "), engine::kBlock),
      "install LibTorch (Debian: libtorch-dev), and build with -DSEG_WITH_TORCH=ON");
}

TileModel fold_model(const TrainedFold& fold, const FoldLoader& libtorch) {
  return engine_has(fold) ? engine_model(fold) : on_libtorch(fold, libtorch);
}

Predictor::Predictor(const fs::path& model_path, const PredictOptions& options) {
  TrainedModel model = open_trained_model(model_path, options.folds, options.checkpoint);
  if (options.calibrations != nullptr) options.calibrations->resize(model.folds.size());
  for (const TrainedFold& fold : model.folds) {
    if (options.mirror && !fold.info.mirrored) {
      warn("{}: trained without mirroring, so predictions are not averaged over mirrors",
           fold.origin.string());
    }
    window_.mirror = options.mirror && fold.info.mirrored && (models_.empty() || window_.mirror);
    window_.patch_size = fold.info.patch_size;
    models_.push_back(options.calibrations == nullptr
                          ? model_of(fold, options)
                          : engine_model(fold, &(*options.calibrations)[models_.size()]));
  }
  model.verify();
  plan_ = std::move(model.plan);
  info_ = std::move(model.info);
  plans_text_ = std::move(model.plans_text);
  dataset_text_ = std::move(model.dataset_text);
  if (options.postprocess) postprocessing_ = std::move(model.postprocessing);
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
  Prediction prediction = export_in_blocks(logits_of, block, properties, plan_,
                                           plan_.configuration(kConfiguration), info_, with_probabilities);
  for (const auto& step : postprocessing_) apply(step, prediction.labels);
  return prediction;
}

}  // namespace seg
