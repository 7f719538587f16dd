#include "train/checkpoint.h"

#include "base/json.h"
#include "net/network.h"
#include "net/state_dict.h"
#include "train/nnunet_checkpoint.h"
#include "train/optimizer.h"
#include "weights/pth.h"
#include "weights/weights.h"

namespace seg {
namespace {

std::shared_ptr<Network> network_with(const CheckpointInfo& info, std::span<const TensorView> weights) {
  auto network = make_network(info.network, info.network_config);
  load_state_dict_strictly(*network, tensors_of(weights, nullptr));  // copies them
  return network;
}

}  // namespace

void save_checkpoint(const fs::path& path, const Network& network, torch::optim::Optimizer& optimizer,
                     const CheckpointInfo& info) {
  NamedTensors tensors;
  const auto add = [&](const char* prefix, const NamedTensors& group) {
    for (const auto& [name, tensor] : group)
      tensors.emplace_back(prefix + name, tensor.detach().cpu().contiguous());
  };
  add(kWeightsPrefix, first_names(state_dict(network)));
  add(kStatePrefix, optimizer_state(network, optimizer));
  write_safetensors(path, views_of(tensors), {{"format", "pt"}, {kCheckpointKey, to_text(to_json(info))}});
}

std::shared_ptr<Network> load_network(const fs::path& path, const CheckpointInfo& info) {
  return with_context("load checkpoint " + path.string(), [&] {
    const NamedArrays file = open_weights(path);
    return network_with(info, network_weights(file));
  });
}

std::shared_ptr<Network> load_network(const TrainedFold& fold) {
  return with_context("load " + fold.origin.string(),
                      [&] { return network_with(fold.info, fold.weights().arrays); });
}

void restore_checkpoint(const fs::path& path, Network& network, torch::optim::Optimizer& optimizer) {
  with_context("load checkpoint " + path.string(), [&] {
    load_state_dict_strictly(network, read_network_weights(path));
    const NamedArrays file = open_weights(path);
    const auto state = read_tensors(file, kStatePrefix);
    const bool nnunet = file.metadata().contains(kPickleKey);
    set_optimizer_state(network, optimizer, nnunet ? state_from_nnunet(file, state, network) : state);
  });
}

}  // namespace seg
