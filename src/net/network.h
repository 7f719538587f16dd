// What a network is; which ones there are says net/network_table.h.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "net/layers.h"
#include "net/network_table.h"

namespace seg {

/// A network. State-dict keys are the reference implementation's.
class Network : public torch::nn::Module {
 public:
  /// x [B, in_channels, H, W] of any size -> logits [B, classes, H, W]; with deep supervision one per head,
  /// highest resolution first, head i of size round(H * scales[i][0]) x round(W * scales[i][1]).
  /// Other sizes than `legal_size` are zero-padded at the end and the outputs cropped back. A classifier
  /// returns one output [B, classes] and has no scales.
  std::vector<Tensor> forward(const Tensor& x);

  const NetworkConfig& config() const { return config_; }
  std::int64_t in_channels() const { return config_.in_channels; }
  std::int64_t classes() const { return config_.classes; }
  /// The smallest size the network takes that holds `size`: the next multiples of its total stride, unless a
  /// network says otherwise.
  virtual Size2d legal_size(const Size2d& size) const;
  /// Size of each deep-supervision head relative to the input, per axis.
  const std::vector<Scale2d>& scales() const { return scales_; }
  bool deep_supervision() const { return config_.deep_supervision; }
  void set_deep_supervision(bool on) { config_.deep_supervision = on; }

  /// Parameters that pretraining initialises and that stay frozen in its first epochs; empty where there are
  /// none.
  virtual std::vector<Tensor> pretrained_parameters() { return {}; }

 protected:
  Network(const NetworkConfig& config, const Size2d& size_multiple, std::vector<Scale2d> scales)
      : config_(config), size_multiple_(size_multiple), scales_(std::move(scales)) {}

  /// The network proper; H and W are legal.
  virtual std::vector<Tensor> run(const Tensor& x) = 0;

 private:
  NetworkConfig config_;
  Size2d size_multiple_;
  std::vector<Scale2d> scales_;
};

/// A network that takes images of one size only: the patch size, rounded up to a multiple of `multiple`.
class FixedSizeNetwork : public Network {
 public:
  /// The size it is built for. Throws Error where `size` does not fit into it.
  Size2d legal_size(const Size2d& size) const override;

 protected:
  /// Throws Error where the configuration has no patch size.
  FixedSizeNetwork(const NetworkConfig& config, std::int64_t multiple, std::vector<Scale2d> scales);
  const Size2d& size() const { return size_; }

 private:
  Size2d size_;
};

/// Pixels of a deep-supervision head, or of its target: `size * scale`, halves to even.
std::int64_t scaled_size(std::int64_t size, double scale);

}  // namespace seg
