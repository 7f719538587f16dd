#include "train/torch_model.h"

#include <algorithm>

#include "net/network.h"
#include "net/set_up_torch.h"
#include "train/checkpoint.h"

namespace seg {

TileModel torch_model(const TrainedFold& fold) {
  set_up_torch();
  const auto network = load_network(fold);
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

}  // namespace seg
