#include "train/nnunet_checkpoint.h"

#include <torch/optim/optimizer.h>

#include <map>

#include "base/error.h"
#include "base/json.h"
#include "data/plan.h"
#include "infer/trainer_table.h"
#include "net/network.h"
#include "net/state_dict.h"
#include "train/checkpoint.h"
#include "train/convert_checkpoint.h"
#include "train/optimizer.h"
#include "weights/pth.h"
#include "weights/weights.h"

namespace seg {
namespace {

/// The step of a parameter that PyTorch before 1.12 stored, as a number.
std::int64_t stored_step(const Json& record, const std::string& parameter) {
  const Json state = object_of(object_of(record, "optimizer_state"), "state");
  return get<std::int64_t>(object_of(state, parameter.c_str()), "step");
}

/// The step that later versions store, as a tensor.
std::int64_t step_of(const Tensor& tensor) {
  const double step = tensor.numel() == 1 ? tensor.item<double>() : -1;
  if (!(step >= 0 && step < 1e15)) fail("the optimiser's step is no count");
  return static_cast<std::int64_t>(step);
}

/// From the files around <model>/fold_X/checkpoint_final.safetensors, with the sizes it was trained with.
Json init_args_beside(const fs::path& checkpoint, const CheckpointInfo& info) {
  const fs::path fold = fs::absolute(checkpoint).parent_path(), model = fold.parent_path();
  const std::string name = fold.filename().string(), prefix = "fold_";
  if (!fs::exists(model / "plans.json") || !fs::exists(model / "dataset.json") || !name.starts_with(prefix)) {
    throw Error(fmt::format("expected plans.json and dataset.json in the folder above {}", fold.string()),
                "convert the checkpoint where `swin-umamba train` left it, in its results folder");
  }
  const std::string number = name.substr(prefix.size());
  const bool is_number =
      !number.empty() && number.size() < 10 && number.find_first_not_of("0123456789") == std::string::npos;
  const std::string model_name = model.filename().string();  // TRAINER__PLANS__CONFIGURATION
  const auto separator = model_name.rfind("__");
  if (separator == std::string::npos)
    fail("expected a model folder named TRAINER__PLANS__CONFIGURATION, got {}", model.string());
  const std::string configuration = model_name.substr(separator + 2);
  Json plans = read_json(model / "plans.json");
  plan_from_json(plans, (model / "plans.json").string()).configuration(configuration);  // an Error without it
  Json& trained = plans["configurations"][configuration];
  trained["patch_size"] = info.patch_size;
  trained["batch_size"] = info.batch_size;
  return {{"plans", plans},
          {"configuration", configuration},
          {"fold", is_number ? Json(std::stoi(number)) : Json(number)},
          {"dataset_json", read_json(model / "dataset.json")},
          {"unpack_dataset", true},
          {"device", "cpu"}};
}

/// The settings of a parameter group as PyTorch's optimisers store them.
Json group_of(const OptimizerConfig& config, const std::vector<double>& rates) {
  Json group = {{"lr", rates.empty() ? config.learning_rate : rates.back()}};
  if (config.kind == OptimizerKind::sgd) {
    group.update({{"momentum", kMomentum}, {"dampening", 0}, {"nesterov", true}});
  } else {
    group.update({{"betas", {0.9, 0.999}}, {"eps", kAdamEps}, {"amsgrad", false}, {"capturable", false}});
  }
  group.update({{"weight_decay", config.weight_decay},
                {"foreach", nullptr},
                {"maximize", false},
                {"initial_lr", rates.empty() ? config.learning_rate : rates.front()}});
  return group;
}

/// As PyTorch's state_dict() of an optimiser has it; `state` by parameters' names.
void write_optimizer(PthWriter& writer, const Network& network, const NamedTensors& state, Json group) {
  std::map<std::string, std::vector<TensorView>> views;  // by parameter
  for (auto& view : views_of(state)) views[view.name.substr(0, view.name.rfind('.'))].push_back(view);
  writer.begin_dict();
  writer.text("state");
  writer.begin_dict();
  std::int64_t index = 0;
  group["params"] = Json::array();
  for (const auto& item : network.named_parameters()) {
    group["params"].push_back(index++);
    const auto found = views.find(item.key());
    if (found == views.end()) continue;
    writer.integer(index - 1);
    writer.begin_dict();
    for (const auto& view : found->second) {
      writer.text(view.name.substr(view.name.rfind('.') + 1));
      writer.tensor(view);
    }
    writer.end_dict();
  }
  writer.end_dict();
  writer.text("param_groups");
  writer.json(Json::array({group}));
  writer.end_dict();
}

void save_nnunet_checkpoint(const fs::path& path, const Network& network, torch::optim::Optimizer& optimizer,
                            const CheckpointInfo& info, const Json& init_args) {
  PthWriter writer;
  writer.begin_dict();
  writer.text("network_weights");
  NamedTensors weights = state_dict(network);
  for (auto& [name, tensor] : weights) tensor = tensor.detach().contiguous();
  writer.state_dict(views_of(weights));
  NamedTensors state = optimizer_state(network, optimizer);
  for (auto& [name, tensor] : state) {  // PyTorch counts steps in float32 scalars
    if (name.ends_with(".step")) tensor = tensor.to(torch::kFloat32).reshape({});
    tensor = tensor.contiguous();
  }
  writer.text("optimizer_state");
  write_optimizer(writer, network, state,
                  group_of(find_trainer(info.trainer_name).optimizer, info.logging.lrs));
  const Json rest = {{"grad_scaler_state", nullptr},
                     {"logging", to_json(info.logging)},
                     {"_best_ema", info.best_ema ? Json(*info.best_ema) : Json(nullptr)},
                     {"current_epoch", info.current_epoch},
                     {"init_args", init_args},
                     {"trainer_name", info.trainer_name},
                     {"inference_allowed_mirroring_axes", info.mirrored ? Json{0, 1} : Json(nullptr)}};
  for (const auto& [key, value] : rest.items()) {
    writer.text(key);
    writer.json(value);
  }
  writer.end_dict();
  writer.write(path);
}

}  // namespace

NamedTensors state_from_nnunet(const NamedArrays& file, const NamedTensors& state, const Network& network) {
  std::map<std::string, Tensor> given(state.begin(), state.end());
  const Json record = parse_json(file.metadata().at(kPickleKey), "its contents");
  NamedTensors named;
  std::size_t index = 0;
  for (const auto& item : network.named_parameters()) {
    const std::string number = std::to_string(index++), old = "state." + number + ".";
    for (const char* part : {"exp_avg", "exp_avg_sq", "momentum_buffer"}) {
      const auto found = given.find(old + part);
      if (found != given.end()) named.emplace_back(item.key() + "." + part, found->second);
    }
    if (!given.contains(old + "exp_avg")) continue;  // never stepped, or counts no steps
    const auto found = given.find(old + "step");
    const std::int64_t step = found == given.end() ? stored_step(record, number) : step_of(found->second);
    named.emplace_back(item.key() + ".step", torch::tensor({step}, torch::kInt64));
  }
  return named;
}

void convert_checkpoint(const fs::path& source, const fs::path& target) {
  const CheckpointInfo info = read_checkpoint_info(source);
  const auto network = make_network(info.network, info.network_config);
  const auto optimizer = make_optimizer(*network, find_trainer(info.trainer_name).optimizer);
  restore_checkpoint(source, *network, *optimizer);
  if (target.extension() == ".safetensors") return save_checkpoint(target, *network, *optimizer, info);
  const NamedArrays file = open_weights(source);
  const auto pickled = file.metadata().find(kPickleKey);
  Json init_args = pickled == file.metadata().end()
                       ? init_args_beside(source, info)
                       : object_of(parse_json(pickled->second, source.string()), "init_args");
  init_args["device"] = "cpu";  // as text: torch.device is no plain value, and nnU-Net does not read it back
  save_nnunet_checkpoint(target, *network, *optimizer, info, init_args);
}

}  // namespace seg
