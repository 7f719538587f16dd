#include "weights/weights.h"

#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "weights/pth.h"
#include "weights/safetensors.h"

namespace seg {
namespace {

constexpr std::string_view kContainers[] = {"network_weights.", "state_dict.", "model."};
constexpr std::string_view kParallel = "module.", kCompiled = "_orig_mod.";

}  // namespace

NamedArrays open_weights(const fs::path& path) {
  constexpr std::size_t kJson = 8;  // where safetensors' header starts
  const MappedFile file(path);
  const auto bytes = file.bytes();
  if (bytes.size() > kJson && bytes[kJson] == std::byte{'{'}) return SafetensorsFile(path);
  if (looks_like_pth(bytes)) return PthFile(path);
  throw Error(fmt::format("{} is no file of weights, or cut off", path.string()),
              "expected safetensors, or a .pth or .pt file of torch.save");
}

std::vector<TensorView> network_weights(const NamedArrays& file) {
  std::vector<TensorView> weights = file.tensors();
  const auto starts = [](std::string_view prefix) {
    return [prefix](const TensorView& tensor) { return tensor.name.starts_with(prefix); };
  };
  for (const auto prefix : kContainers) {
    if (std::none_of(weights.begin(), weights.end(), starts(prefix))) continue;
    std::erase_if(weights, std::not_fn(starts(prefix)));
    for (auto& tensor : weights) tensor.name.erase(0, prefix.size());
    break;
  }
  for (auto& tensor : weights) {
    for (auto at = tensor.name.find(kCompiled); at != std::string::npos; at = tensor.name.find(kCompiled))
      tensor.name.erase(at, kCompiled.size());
  }
  if (!weights.empty() && std::all_of(weights.begin(), weights.end(), starts(kParallel))) {
    for (auto& tensor : weights) tensor.name.erase(0, kParallel.size());
  }
  return weights;
}

}  // namespace seg
