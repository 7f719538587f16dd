#include "net/forward_array.h"

#include <fmt/ranges.h>

#include "base/error.h"
#include "base/log.h"
#include "net/network.h"
#include "net/state_dict.h"

namespace seg {

std::vector<FloatArray> forward_array(const ForwardTask& task, const FloatArray& input) {
  const torch::InferenceMode inference;
  torch::manual_seed(task.seed);
  const auto network = make_network(task.network, task.config);
  if (task.weights.empty()) {
    note("no --weights given: random weights of seed {}", task.seed);
  } else {
    with_context("read " + task.weights.string(),
                 [&] { load_state_dict_strictly(*network, read_network_weights(task.weights)); });
  }
  network->eval();
  const Size2d size{input.shape[2], input.shape[3]}, legal = network->legal_size(size);
  if (legal != size) {
    note("{} is padded to {} inside the network and the outputs are cropped back", fmt::join(size, "x"),
         fmt::join(legal, "x"));
  }
  Tensor x = torch::empty(input.shape, torch::kFloat32);
  std::copy(input.values.begin(), input.values.end(), x.data_ptr<float>());
  std::vector<FloatArray> outputs;
  for (const Tensor& output : network->forward(x)) {
    const Tensor values = output.contiguous();
    const float* first = values.data_ptr<float>();
    outputs.push_back({values.sizes().vec(), {first, first + values.numel()}});
  }
  return outputs;
}

}  // namespace seg
