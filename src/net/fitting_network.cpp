#include "net/fitting_network.h"

#include <map>
#include <string>

#include "base/error.h"
#include "net/network.h"
#include "net/state_dict.h"

namespace seg {
namespace {

// Sizes no layer has of itself: where a shape has one of them, it stands for channels or classes.
constexpr std::int64_t kChannels = 67, kClasses = 71;

/// Whether the shapes are equal once kChannels and kClasses are replaced; learns what they stand for.
bool shapes_fit(std::span<const std::int64_t> pattern, std::span<const std::int64_t> shape,
                FittingNetwork& fit) {
  if (pattern.size() != shape.size()) return false;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    std::int64_t* number = pattern[d] == kChannels  ? &fit.in_channels
                           : pattern[d] == kClasses ? &fit.classes
                                                    : nullptr;
    if (number != nullptr && *number == 0) *number = shape[d];
    if (shape[d] != (number != nullptr ? *number : pattern[d])) return false;
  }
  return true;
}

}  // namespace

std::optional<FittingNetwork> fitting_network(std::span<const TensorView> weights, NetworkConfig config) {
  std::map<std::string_view, const TensorView*> given;
  for (const auto& tensor : weights) given.emplace(tensor.name, &tensor);
  config.in_channels = kChannels;
  config.classes = kClasses;
  config.deep_supervision = true;
  for (const auto& entry : networks()) {
    NamedTensors tensors;
    try {
      tensors = state_dict(*entry.make(config));
    } catch (const Error&) {  // not for this patch size
      continue;
    }
    if (tensors.size() != given.size()) tensors = first_names(tensors);
    if (tensors.size() != given.size()) continue;
    FittingNetwork fit{entry.name};
    bool fits = true;
    for (const auto& [name, tensor] : tensors) {
      const auto found = given.find(name);
      fits = fits && found != given.end() && shapes_fit(tensor.sizes().vec(), found->second->shape, fit);
    }
    if (fits) return fit;
  }
  return {};
}

}  // namespace seg
