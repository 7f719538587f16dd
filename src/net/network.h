// The table of networks: adding one means one new .cpp and one row in network.cpp.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/layers.h"

namespace seg {

/// Height and width, in pixels or as factors.
using Size2d = std::array<std::int64_t, 2>;
using Scale2d = std::array<double, 2>;

/// The stages of a plan-dependent U-shaped network, highest resolution first.
struct UNetTopology {
  std::vector<Size2d> strides, kernels;  ///< per stage; the first stride is 1, 1
  std::vector<std::int64_t> convs_encoder, convs_decoder;
  std::int64_t base_features = 32, max_features = 512;
};

struct NetworkConfig {
  std::int64_t in_channels = 1;
  std::int64_t classes = 2;       ///< output channels: classes with background, or regions
  bool deep_supervision = false;  ///< return every head, not only the full-resolution one
  Size2d patch_size{};            ///< what size-dependent networks are built for
  UNetTopology topology{};        ///< of plan-dependent networks; without stages it follows from patch_size
};

/// A network. State-dict keys are the reference implementation's.
class Network : public torch::nn::Module {
 public:
  /// x [B, in_channels, H, W] of any size -> logits [B, classes, H, W]; with deep supervision one per head,
  /// highest resolution first, head i of size round(H * scales[i][0]) x round(W * scales[i][1]).
  /// Other sizes than `legal_size` are zero-padded at the end and the outputs cropped back. A classifier
  /// returns one output [B, classes] and has no scales.
  std::vector<Tensor> forward(const Tensor& x);

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

struct NetworkEntry {
  std::string_view name, summary;
  std::shared_ptr<Network> (*make)(const NetworkConfig& config);
  bool segments = true;  ///< false for a classifier, which cannot be trained or used on segmentation data
};

std::span<const NetworkEntry> networks();

/// The row of a network. Throws a usage Error with "did you mean" for an unknown name.
const NetworkEntry& find_network(std::string_view name);

/// Builds a network by name.
std::shared_ptr<Network> make_network(std::string_view name, const NetworkConfig& config);

/// Pixels of a deep-supervision head, or of its target: `size * scale`, halves to even.
std::int64_t scaled_size(std::int64_t size, double scale);

}  // namespace seg
