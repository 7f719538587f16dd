// The table of networks: adding one means one new .cpp and one row in network.cpp.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/layers.h"

namespace seg {

struct NetworkConfig {
  std::int64_t in_channels = 1;
  std::int64_t classes = 2;       ///< output channels: classes with background, or regions
  bool deep_supervision = false;  ///< return every head, not only the full-resolution one
};

/// A segmentation network. State-dict keys are the reference implementation's.
class Network : public torch::nn::Module {
 public:
  /// x [B, in_channels, H, W] of any size -> logits [B, classes, H, W]; with deep supervision one per head,
  /// highest resolution first, head i of size round(H * scales[i]) x round(W * scales[i]).
  /// Sizes that are no multiple of `size_multiple()` are zero-padded at the end and the outputs cropped back.
  std::vector<Tensor> forward(const Tensor& x);

  std::int64_t in_channels() const { return config_.in_channels; }
  std::int64_t classes() const { return config_.classes; }
  std::int64_t size_multiple() const { return size_multiple_; }
  /// Size of each deep-supervision head relative to the input.
  const std::vector<double>& scales() const { return scales_; }
  bool deep_supervision() const { return config_.deep_supervision; }
  void set_deep_supervision(bool on) { config_.deep_supervision = on; }

  /// Parameters that pretraining initialises and that stay frozen in its first epochs; empty where there are
  /// none.
  virtual std::vector<Tensor> pretrained_parameters() { return {}; }

 protected:
  Network(const NetworkConfig& config, std::int64_t size_multiple, std::vector<double> scales)
      : config_(config), size_multiple_(size_multiple), scales_(std::move(scales)) {}

  /// The network proper; H and W are multiples of `size_multiple()`.
  virtual std::vector<Tensor> run(const Tensor& x) = 0;

 private:
  NetworkConfig config_;
  std::int64_t size_multiple_;
  std::vector<double> scales_;
};

struct NetworkEntry {
  std::string_view name, summary;
  std::shared_ptr<Network> (*make)(const NetworkConfig& config);
};

std::span<const NetworkEntry> networks();

/// The row of a network. Throws a usage Error with "did you mean" for an unknown name.
const NetworkEntry& find_network(std::string_view name);

/// Builds a network by name.
std::shared_ptr<Network> make_network(std::string_view name, const NetworkConfig& config);

/// Smallest multiple of `multiple` that is at least `size`.
std::int64_t round_up(std::int64_t size, std::int64_t multiple);

/// Pixels of a deep-supervision head, or of its target: `size * scale`, halves to even.
std::int64_t scaled_size(std::int64_t size, double scale);

}  // namespace seg
