// Self-attention in shifted windows, as SwinUNETR and nnFormer build it, and the transformers' perceptron.
// Feature maps are channels last, [B, H, W, C].
#pragma once
#include <array>
#include <cstdint>
#include <memory>

#include "net/layers.h"
#include "net/network.h"

namespace seg {

/// Linear, GELU, linear over the last axis, under the two keys given.
class Perceptron : public torch::nn::Module {
 public:
  using Keys = std::array<const char*, 2>;
  Perceptron(std::int64_t dim, std::int64_t hidden, const Keys& keys);
  Tensor forward(const Tensor& x) { return second_->forward(torch::gelu(first_->forward(x))); }

 private:
  Linear first_, second_;
};

/// Multi-head attention among the tokens of a window, with a learned bias per relative position (Swin
/// Transformer, arXiv 2103.14030, equation 4).
class WindowAttention : public torch::nn::Module {
 public:
  /// With `given_query` the query is another feature map, taken as it is, and the projection "qkv" becomes
  /// "kv".
  WindowAttention(std::int64_t dim, std::int64_t heads, std::int64_t window, bool given_query);
  /// x, query [B * windows, n, C] with n <= window^2 tokens; mask [windows, n, n], or undefined for none.
  Tensor forward(const Tensor& x, const Tensor& query, const Tensor& mask);

 private:
  Tensor position_bias(std::int64_t tokens) const;  // [heads, n, n]

  Linear projection_, proj_;
  Tensor bias_table_;  // [(2 window - 1)^2, heads]
  Tensor bias_index_;  // [window^2, window^2] rows of the table
  std::int64_t heads_;
};

struct WindowBlockOptions {
  std::int64_t dim = 0, heads = 0, window = 0;
  std::int64_t shift = 0;  ///< of the windows against the grid, 0 for none
  bool given_query = false;
  double drop_path_rate = 0;
  Perceptron::Keys mlp_keys{};
};

/// x + drop_path(attention(LayerNorm(x))), then the same with a perceptron (Swin Transformer, equation 3).
class WindowBlock : public torch::nn::Module {
 public:
  explicit WindowBlock(const WindowBlockOptions& options);
  Tensor forward(const Tensor& x);  // [B, H, W, C] -> [B, H, W, C]
  /// For blocks with given_query: keys and values of the skip, queries of the map below, their sum as
  /// residual.
  Tensor forward(const Tensor& skip, const Tensor& below);

 private:
  Tensor attend(const Tensor& x, const Tensor& query);
  Tensor add_perceptron(const Tensor& x);
  /// The mask for padded maps of `size`; kept for the next call, as sizes seldom change.
  const Tensor& mask(const Size2d& size, const Size2d& window, const Size2d& shift);

  LayerNorm norm1_, norm2_;
  std::shared_ptr<WindowAttention> attn_;
  std::shared_ptr<DropPath> drop_path_;
  std::shared_ptr<Perceptron> mlp_;
  std::int64_t window_, shift_;
  Size2d mask_size_{};
  Tensor mask_;
};

}  // namespace seg
