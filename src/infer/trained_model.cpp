#include "infer/trained_model.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "weights/model_file.h"
#include "weights/weights.h"

namespace seg {
namespace {

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

TrainedFold open_fold(const std::string& name, const fs::path& file) {
  if (!fs::exists(file)) {
    throw Error(fmt::format("{} does not exist", file.string()),
                "has the training of this fold finished? see --checkpoint");
  }
  const CheckpointInfo info = read_checkpoint_info(file);
  return {name, file, info, [file] {
            auto arrays = std::make_shared<const NamedArrays>(open_weights(file));
            return FoldWeights{arrays, network_weights(*arrays)};
          }};
}

/// One checkpoint per fold, nnU-Net's where there is none of ours; a file that is named stands for itself,
/// whatever the folds.
std::vector<TrainedFold> open_folds(const fs::path& model, const std::vector<std::string>& folds,
                                    const std::string& checkpoint) {
  if (checkpoint.ends_with(".safetensors") || checkpoint.ends_with(".pth") || checkpoint.ends_with(".pt"))
    return {open_fold("", checkpoint)};
  std::vector<TrainedFold> opened;
  for (const fs::path& fold : fold_folders(model, folds)) {
    const fs::path own = fold / fmt::format("checkpoint_{}.safetensors", checkpoint);
    const fs::path nnunet = fs::path(own).replace_extension(".pth");
    opened.push_back(open_fold(fold.filename().string().substr(std::string_view("fold_").size()),
                               !fs::exists(own) && fs::exists(nnunet) ? nnunet : own));
  }
  return opened;
}

void parse_texts(TrainedModel& model, const std::string& plans, const std::string& dataset) {
  model.plan = plan_from_json(parse_json(model.plans_text, plans), plans);
  model.info = parse_dataset_info(parse_json(model.dataset_text, dataset), model.plan.dataset_name, dataset);
}

TrainedModel open_folder(const fs::path& folder, const std::vector<std::string>& folds,
                         const std::string& checkpoint) {
  if (!fs::is_directory(folder)) fail("model folder {} does not exist", folder.string());
  const fs::path plans = folder / "plans.json", dataset = folder / "dataset.json";
  TrainedModel model;
  model.plans_text = read_text(plans);
  model.dataset_text = read_text(dataset);
  parse_texts(model, plans.string(), dataset.string());
  model.folds = open_folds(folder, folds, checkpoint);
  return model;
}

TrainedModel open_file(const fs::path& path, const std::vector<std::string>& folds,
                       const std::string& checkpoint) {
  if (checkpoint != "final")
    fail_usage("--checkpoint {}: {} is a file, with one checkpoint per fold", checkpoint, path.string());
  const auto file = std::make_shared<const ModelFile>(path, ContentsCheck::beside);
  const ModelDescription& description = file->description();
  return with_context(path.string(), [&] {
    TrainedModel model;
    model.plans_text = description.plans;
    model.dataset_text = description.dataset;
    model.verify = [file] { file->verify(); };
    parse_texts(model, "plans", "dataset");
    if (!description.postprocessing.empty())
      model.postprocessing =
          postprocessing_from_json(parse_json(description.postprocessing, "postprocessing"));
    CheckpointInfo info = network_from_json(parse_json(description.network, "network"));
    info.trainer_name = description.trainer;
    for (const auto& fold : folds.empty() ? file->folds() : folds) {
      model.folds.push_back({fold, path, info, [file, fold] {
                               return FoldWeights{file, file->weights(fold)};
                             }});
    }
    return model;
  });
}

void check_fit(const TrainedModel& model, const std::string& dataset) {
  const auto channels = static_cast<std::int64_t>(model.info.channel_names.size());
  for (const auto& fold : model.folds) {
    const NetworkConfig& network = fold.info.network_config;
    if (network.in_channels != channels || network.classes != model.info.output_channels()) {
      fail("{}: expected a network of {} channels and {} classes as {} says, got {} and {}",
           fold.origin.string(), channels, model.info.output_channels(), dataset, network.in_channels,
           network.classes);
    }
    if (fold.info.patch_size != model.folds[0].info.patch_size)
      fail("{}: the folds were trained with different patch sizes", fold.origin.string());
  }
}

}  // namespace

TrainedModel open_trained_model(const fs::path& model, const std::vector<std::string>& folds,
                                const std::string& checkpoint) {
  const bool is_file = fs::is_regular_file(model);
  TrainedModel opened = is_file ? open_file(model, folds, checkpoint) : open_folder(model, folds, checkpoint);
  check_fit(opened, is_file ? "its dataset.json" : (model / "dataset.json").string());
  return opened;
}

std::string gathered_name(const std::vector<std::string>& folds) {
  return fmt::format("crossval_results_folds_{}", fmt::join(folds, "_"));
}

}  // namespace seg
