#include "infer/checkpoint_info.h"

#include "base/json.h"
#include "data/dataset.h"
#include "data/plan.h"
#include "infer/trainer_table.h"
#include "weights/pth.h"
#include "weights/weights.h"

namespace seg {
namespace {

constexpr std::int64_t kMostChannels = 65536, kMostPixels = 65536;  ///< of an image's side

}  // namespace

Json to_json(const TrainingLog& log) {
  return {{"mean_fg_dice", log.mean_fg_dice},
          {"ema_fg_dice", log.ema_fg_dice},
          {"dice_per_class_or_region", log.dice_per_class_or_region},
          {"train_losses", log.train_losses},
          {"val_losses", log.val_losses},
          {"lrs", log.lrs},
          {"epoch_start_timestamps", log.epoch_start_timestamps},
          {"epoch_end_timestamps", log.epoch_end_timestamps}};
}

TrainingLog log_from_json(const Json& json) {
  using Numbers = std::vector<double>;
  return {get<Numbers>(json, "mean_fg_dice"),
          get<Numbers>(json, "ema_fg_dice"),
          get<Numbers>(json, "train_losses"),
          get<Numbers>(json, "val_losses"),
          get<Numbers>(json, "lrs"),
          get<Numbers>(json, "epoch_start_timestamps"),
          get<Numbers>(json, "epoch_end_timestamps"),
          get<std::vector<Numbers>>(json, "dice_per_class_or_region")};
}

namespace {

Json to_json(const UNetTopology& topology) {
  return {{"strides", topology.strides},
          {"kernels", topology.kernels},
          {"convs_encoder", topology.convs_encoder},
          {"convs_decoder", topology.convs_decoder},
          {"base_features", topology.base_features},
          {"max_features", topology.max_features}};
}

UNetTopology topology_from_json(const Json& json) {
  using Numbers = std::vector<std::int64_t>;
  UNetTopology topology{get<std::vector<Size2d>>(json, "strides"), get<std::vector<Size2d>>(json, "kernels"),
                        get<Numbers>(json, "convs_encoder"),       get<Numbers>(json, "convs_decoder"),
                        get<std::int64_t>(json, "base_features"),  get<std::int64_t>(json, "max_features")};
  check_topology(topology);
  return topology;
}

/// Sizes from a file become memory: nothing below 1, nothing absurd.
void check_sizes(const CheckpointInfo& info) {
  const auto check = [](const char* what, std::int64_t value, std::int64_t most) {
    if (value < 1 || value > most) fail("{}: expected 1 to {}, got {}", what, most, value);
  };
  check("in_channels", info.network_config.in_channels, kMostChannels);
  check("classes", info.network_config.classes, kMostChannels);
  for (const auto size : info.patch_size) check("patch_size", size, kMostPixels);
}

CheckpointInfo info_from_json(const Json& json) {
  CheckpointInfo info = network_from_json(json);
  info.trainer_name = get<std::string>(json, "trainer_name");
  info.current_epoch = get<std::int64_t>(json, "current_epoch");
  info.epochs = get<std::int64_t>(json, "epochs");
  info.iterations = get<std::int64_t>(json, "iterations");
  info.batch_size = get<std::int64_t>(json, "batch_size");
  info.seed = get<std::uint64_t>(json, "seed");
  info.pretrained = get<bool>(json, "pretrained");
  info.freeze_epochs = get_or<std::int64_t>(json, "freeze_epochs", info.pretrained ? 10 : 0);
  if (!get<Json>(json, "_best_ema").is_null()) info.best_ema = get<double>(json, "_best_ema");
  info.logging = log_from_json(object_of(json, "logging"));
  return info;
}

/// `record` is what PthFile has under kPickleKey.
CheckpointInfo info_from_nnunet(const Json& record) {
  if (!record.is_object() || !record.contains("trainer_name") || !record.contains("init_args")) {
    throw Error("this file holds no checkpoint of nnU-Net: trainer_name and init_args are missing",
                "a file of bare weights is for --pretrained or for `swin-umamba forward --weights`");
  }
  const TrainerEntry& trainer = find_trainer(get<std::string>(record, "trainer_name"));
  const Json init = object_of(record, "init_args");
  const Plan plan = plan_from_json(object_of(init, "plans"), "init_args > plans");
  const Configuration& configuration = plan.configuration(get<std::string>(init, "configuration"));
  if (configuration.patch_size.size() != 2) fail("configuration {} is not 2-D", configuration.name);
  const DatasetInfo dataset =
      parse_dataset_info(object_of(init, "dataset_json"), plan.dataset_name, "init_args > dataset_json");
  const Json axes = get<Json>(record, "inference_allowed_mirroring_axes"),
             best = get<Json>(record, "_best_ema");

  CheckpointInfo info;
  info.trainer_name = trainer.name;
  info.network = trainer.network;
  info.network_config = {static_cast<std::int64_t>(dataset.channel_names.size()),
                         dataset.output_channels(),
                         trainer.deep_supervision,
                         {configuration.patch_size[0], configuration.patch_size[1]},
                         topology_of(configuration)};
  info.patch_size = info.network_config.patch_size;
  info.current_epoch = get<std::int64_t>(record, "current_epoch");
  info.epochs = kOfficialEpochs;
  info.iterations = kOfficialIterations;
  info.batch_size = configuration.batch_size;
  info.pretrained = trainer.pretrained;
  info.freeze_epochs = trainer.pretrained ? kOfficialFreezeEpochs : 0;
  info.mirrored = axes.is_array() && !axes.empty();
  if (!best.is_null()) info.best_ema = get<double>(record, "_best_ema");
  info.logging = log_from_json(object_of(record, "logging"));
  return info;
}

}  // namespace

Json to_json(const CheckpointInfo& info) {
  Json json = {{"trainer_name", info.trainer_name}};
  json.update(network_to_json(info));
  json.update({{"current_epoch", info.current_epoch},
               {"epochs", info.epochs},
               {"iterations", info.iterations},
               {"batch_size", info.batch_size},
               {"seed", info.seed},
               {"pretrained", info.pretrained},
               {"freeze_epochs", info.freeze_epochs},
               {"_best_ema", info.best_ema ? Json(*info.best_ema) : Json(nullptr)},
               {"logging", to_json(info.logging)}});
  return json;
}

Json network_to_json(const CheckpointInfo& info) {
  const UNetTopology& topology = info.network_config.topology;
  return {{"network", info.network},
          {"in_channels", info.network_config.in_channels},
          {"classes", info.network_config.classes},
          {"deep_supervision", info.network_config.deep_supervision},
          {"patch_size", info.patch_size},
          {"topology", topology.strides.empty() ? Json(nullptr) : to_json(topology)},
          {"inference_allowed_mirroring_axes", info.mirrored ? Json{0, 1} : Json(nullptr)}};
}

CheckpointInfo network_from_json(const Json& json) {
  CheckpointInfo info;
  info.network = get<std::string>(json, "network");
  info.patch_size = get<Size2d>(json, "patch_size");
  info.network_config = {get<std::int64_t>(json, "in_channels"), get<std::int64_t>(json, "classes"),
                         get<bool>(json, "deep_supervision"), info.patch_size};
  const auto topology = get_or<Json>(json, "topology", nullptr);  // older checkpoints have none
  if (!topology.is_null()) info.network_config.topology = topology_from_json(topology);
  info.mirrored = !get<Json>(json, "inference_allowed_mirroring_axes").is_null();
  check_sizes(info);
  return info;
}

CheckpointInfo read_checkpoint_info(const fs::path& path) {
  return with_context("read checkpoint " + path.string(), [&] {
    const NamedArrays file = open_weights(path);
    if (const auto pickled = file.metadata().find(kPickleKey); pickled != file.metadata().end())
      return info_from_nnunet(parse_json(pickled->second, "its contents"));
    const auto found = file.metadata().find(kCheckpointKey);
    if (found == file.metadata().end()) {
      throw Error("this file holds no training checkpoint",
                  "expected a file written by `swin-umamba train` or by one of nnU-Net's trainers");
    }
    return info_from_json(parse_json(found->second, "its metadata"));
  });
}

}  // namespace seg
