#include "train/pretrained.h"

#include <regex>

#include "base/error.h"
#include "net/network.h"
#include "net/state_dict.h"

namespace seg {
namespace {

constexpr std::string_view kPrefix = "vssm_encoder.";

/// The encoder's key of a VMamba key, or "" for what is not taken over.
std::string encoder_key(std::string key) {
  if (key.starts_with(kPrefix)) key.erase(0, kPrefix.size());
  static const std::regex downsample(R"(^layers\.(\d+)\.downsample\.)");
  key = std::regex_replace(key, downsample, "downsamples.$1.");
  if (!key.starts_with("layers.") && !key.starts_with("downsamples.")) return {};
  return std::string(kPrefix) + key;
}

}  // namespace

LoadReport load_pretrained_encoder(Network& network, const fs::path& path) {
  return with_context("load pretrained weights " + path.string(), [&] {
    NamedTensors encoder;
    for (const auto& [key, tensor] : read_network_weights(path)) {
      if (const auto mapped = encoder_key(key); !mapped.empty()) encoder.emplace_back(mapped, tensor);
    }
    LoadReport report = load_state_dict(network, encoder);
    // What lies outside the blocks and the merging is not expected in the file.
    std::erase_if(report.missing, [](const std::string& key) {
      return encoder_key(key).empty() || !key.starts_with(kPrefix);
    });
    if (report.loaded.empty() || !report.complete()) {
      throw Error(
          fmt::format(
              "the file does not fit the VMamba-Tiny encoder: {} tensors fit, {} are missing, {} have "
              "another shape, {} are unknown",
              report.loaded.size(), report.missing.size(), report.mismatched.size(),
              report.unexpected.size()),
          "expected the weights of VMamba-Tiny (depths 2, 2, 9, 2; dims 96 to 768), as .safetensors or .pth");
    }
    return report;
  });
}

}  // namespace seg
