// Layers as steps of a graph: oneDNN's products with weights packed once, and what lies between them. Names
// are keys of the reference's state dict.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/calibration.h"
#include "engine/graph.h"
#include "engine/parameters.h"
#include "engine/topology.h"

namespace seg::engine {

struct Upsampling;  // engine/kernels.h

/// Weights or other constants that steps share.
using Constant = std::shared_ptr<const std::vector<float>>;

/// Rows and columns, or one number for both.
struct Extent {
  constexpr Extent(std::int64_t both) : rows(both), columns(both) {}  // NOLINT(google-explicit-constructor)
  constexpr Extent(const Size2d& size) : rows(size[0]), columns(size[1]) {}  // NOLINT: the same
  bool operator==(const Extent&) const = default;
  std::int64_t rows, columns;
};

struct ConvShape {
  Extent kernel = 3, stride = 1, padding = 1;
  bool operator==(const ConvShape&) const = default;
};

/// Adds layers to a graph; `parameters` are read while it does. Where a layer's weight is int8, its inputs
/// are rounded to int8 as well, sums are whole numbers, and outputs are float32 again, of pixels.
class Builder {
 public:
  /// With a `calibration`, the inputs of all layers that int8 can serve are counted there in every run.
  Builder(Graph& graph, const Parameters& parameters, Calibration* calibration = nullptr)
      : graph_(graph), parameters_(parameters), calibration_(calibration) {}

  Graph& graph() { return graph_; }
  FloatPool& pool() { return pool_; }  ///< for packed weights
  const Parameters& parameters() const { return parameters_; }
  Constant constant(const std::string& name, const std::vector<std::int64_t>& shape) const;

  /// The map in another layout; itself where it has it.
  Map in_layout(const Map& x, Layout layout);

  /// Convolution of a map, to a blocked one in float32. `name` without ".weight".
  Map conv(const std::string& name, const Map& x, std::int64_t out, const ConvShape& shape, bool bias);
  /// Depthwise 3x3 convolution and SiLU of pixels.
  Map depthwise_silu(const std::string& name, const Map& x);
  /// Transposed convolution into `y`, blocked, whose size says what kernel and stride are.
  void transposed_conv(const std::string& name, const Map& x, const Map& y, bool bias);
  /// Every pixel repeated into `y`, blocked, which is some times as large.
  void repeat_pixels(const Map& x, const Map& y);

  /// How a linear layer ends.
  enum class Finish { none, silu };
  /// y = x W^T + bias, of pixels; `rows` are those of the weight that are used, all without.
  struct Rows {
    std::int64_t first = 0, count = 0;
  };
  Map linear(const std::string& name, const Map& x, std::int64_t out, bool bias, Finish finish = Finish::none,
             std::optional<Rows> rows = {});
  /// y = [a, b] W^T + bias, of two maps side by side.
  Map linear_of_two(const std::string& name, const Map& a, const Map& b, std::int64_t out);
  /// A 1x1 convolution's weights as a linear layer of pixels.
  Map head(const std::string& name, const Map& x, std::int64_t classes);
  /// y += x W^T.
  void linear_onto(const std::string& name, const Map& x, const Map& y);
  /// The same product with weights [out, x.channels] that are no layer's of their own.
  Map product(const Values<float>& weight, const Map& x, std::int64_t out);

  /// LayerNorm of pixels, times `gate` where there is one. `name` without ".weight".
  Map layer_norm(const std::string& name, const Map& x, const Map* gate = nullptr);
  Map merge_and_norm(const std::string& name, const Map& x);
  Map expand_and_norm(const std::string& name, const Map& x, std::int64_t factor, std::int64_t out);
  /// In place, of pixels or a blocked map; `name` is empty where the norm has no parameters.
  void instance_norm(const std::string& name, const Map& x, float slope);
  /// y = LeakyReLU(norm(a) + norm(b)), or + b itself; in a's place. The norm of b has no parameters.
  void instance_norm_sum(const std::string& name, const Map& a, const Map& b, bool norm_b, float slope);

  /// Non-overlapping patches to pixels: convolution with kernel and stride `patch`, then LayerNorm.
  Map patch_embed(const std::string& name, const Map& x, std::int64_t patch, std::int64_t out);
  /// Into `y`, blocked, from any layout.
  void copy(const Map& x, const Map& y);

 private:
  void calibrate(const std::string& name, const Map& x, std::int64_t out, std::size_t out_axis);
  /// A map as int8, [H, W, C]: the one that was made last where nothing has changed since.
  Map quantized(const Map& x, const Int8Scale& scale);
  void add_conv(const char* kind, const Weight& weight, std::vector<float> bias, const Map& x, const Map& y,
                const ConvShape& shape, Finish finish = Finish::none, bool onto = false);
  void add_upsampling(const char* kind, const Upsampling& to, const Map& x, const Map& y);
  Map winograd_conv(std::span<const float> weights, std::vector<float> bias, const Map& x, std::int64_t out);
  Map product_of(const Weight& weight, std::vector<float> bias, const Map& x, std::int64_t out,
                 Finish finish);
  void add_product(const Weight& weight, std::vector<float> bias, const Map& x, const Map& y, Finish finish,
                   bool onto);
  std::vector<float> bias_of(const std::string& name, std::int64_t count, bool there) const;

  Graph& graph_;
  const Parameters& parameters_;
  Calibration* calibration_;
  FloatPool pool_;
  struct {
    std::size_t step = SIZE_MAX;
    Map from{}, to{};
    Int8Scale scale{};
  } last_quantized_;
};

}  // namespace seg::engine
