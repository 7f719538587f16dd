#include "app/libtorch.h"

#include <fmt/ranges.h>

#include "infer/trainer_table.h"
#include "net/fitting_network.h"
#include "train/convert_checkpoint.h"
#include "train/pretrained.h"
#include "train/torch_model.h"
#include "weights/weights.h"

namespace seg {
namespace {

std::string uses_of(const NamedArrays& file, const fs::path& path, const NetworkConfig& config) {
  std::string uses;
  const auto weights = network_weights(file);
  if (const auto fit = fitting_network(weights, config)) {
    uses = fmt::format("fits {} with {} input channel{} and {} classes\n", fit->name, fit->in_channels,
                       fit->in_channels == 1 ? "" : "s", fit->classes);
  }
  std::vector<std::string_view> encoders;
  for (const auto& trainer : trainers()) {
    if (!trainer.pretrained) continue;
    if (fits_pretrained(*make_network(trainer.network, config), path)) encoders.push_back(trainer.network);
  }
  if (!encoders.empty())
    uses +=
        fmt::format("fits the pretrained encoder of {} (train --pretrained)\n", fmt::join(encoders, ", "));
  return uses.empty() ? "fits no network of this program\n" : uses;
}

}  // namespace

LibTorch libtorch() {
  return {torch_model, convert_checkpoint, uses_of};
}

}  // namespace seg
