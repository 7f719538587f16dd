#include "net/attention.h"

#include <cmath>

namespace seg {
namespace {

constexpr double kBiasStd = 0.02;    // Swin Transformer
constexpr double kMaskedOut = -100;  // added to the logits of tokens that are no neighbours
constexpr std::int64_t kMlpRatio = 4;

/// For every pair of tokens of a window, the row of the bias table that their offset selects.
Tensor relative_position_index(std::int64_t window) {
  const Tensor axis = torch::arange(window);
  const Tensor rows = axis.repeat_interleave(window), columns = axis.repeat({window});
  const auto offset = [&](const Tensor& x) { return x.unsqueeze(1) - x.unsqueeze(0) + (window - 1); };
  return offset(rows) * (2 * window - 1) + offset(columns);
}

/// [B, H, W, C] -> [B * windows, tokens, C]; H and W are multiples of the window's.
Tensor to_windows(const Tensor& x, const Size2d& window) {
  const std::int64_t c = x.size(3);
  return x.view({x.size(0), x.size(1) / window[0], window[0], x.size(2) / window[1], window[1], c})
      .transpose(2, 3)
      .reshape({-1, window[0] * window[1], c});
}

/// The inverse of to_windows, to [B, size[0], size[1], C].
Tensor from_windows(const Tensor& windows, const Size2d& window, const Size2d& size) {
  const std::int64_t c = windows.size(2);
  return windows.view({-1, size[0] / window[0], size[1] / window[1], window[0], window[1], c})
      .transpose(2, 3)
      .reshape({-1, size[0], size[1], c});
}

/// After the cyclic shift the last windows hold tokens from opposite borders: each region attends to itself.
Tensor shifted_window_mask(const Size2d& size, const Size2d& window, const Size2d& shift) {
  const c10::InferenceMode no_inference(false);  // the mask outlives this call and may meet a training
  const auto regions = [&](std::size_t axis) {
    Tensor region = torch::zeros({size[axis]});
    if (shift[axis] > 0) {
      region.slice(0, size[axis] - window[axis]).fill_(1);
      region.slice(0, size[axis] - shift[axis]).fill_(2);
    }
    return region;
  };
  const Tensor region = regions(0).unsqueeze(1) * 3 + regions(1);  // [H, W]
  const Tensor tokens = to_windows(region.view({1, size[0], size[1], 1}), window).squeeze(-1);
  return (tokens.unsqueeze(1) != tokens.unsqueeze(2)).to(torch::kFloat32) * kMaskedOut;  // [windows, n, n]
}

}  // namespace

Perceptron::Perceptron(std::int64_t dim, std::int64_t hidden, const Keys& keys)
    : first_(register_module(keys[0], make_linear(dim, hidden, true))),
      second_(register_module(keys[1], make_linear(hidden, dim, true))) {}

WindowAttention::WindowAttention(std::int64_t dim, std::int64_t heads, std::int64_t window, bool given_query)
    : heads_(heads) {
  const std::int64_t offsets = 2 * window - 1;
  bias_table_ = register_parameter("relative_position_bias_table", torch::empty({offsets * offsets, heads}));
  bias_index_ = register_buffer("relative_position_index", relative_position_index(window));
  projection_ = given_query ? register_module("kv", make_linear(dim, 2 * dim, true))
                            : register_module("qkv", make_linear(dim, 3 * dim, true));
  proj_ = register_module("proj", make_linear(dim, dim, true));
  const torch::NoGradGuard no_grad;
  bias_table_.normal_(0, kBiasStd);  // the reference truncates at +-2, a hundred deviations out
}

Tensor WindowAttention::position_bias(std::int64_t tokens) const {
  // Where a map is smaller than the window, the references take the index of the window's first tokens.
  const Tensor index = bias_index_.slice(0, 0, tokens).slice(1, 0, tokens).reshape(-1);
  return bias_table_.index_select(0, index).view({tokens, tokens, heads_}).permute({2, 0, 1});
}

Tensor WindowAttention::forward(const Tensor& x, const Tensor& query, const Tensor& mask) {
  const std::int64_t windows = x.size(0), tokens = x.size(1), channels = x.size(2);
  const std::int64_t width = channels / heads_;
  const auto by_head = [&](const Tensor& t, std::int64_t parts) {  // [parts, windows * heads, n, width]
    return t.reshape({windows, tokens, parts, heads_, width})
        .permute({2, 0, 3, 1, 4})
        .reshape({parts, windows * heads_, tokens, width});
  };
  const Tensor projected = by_head(projection_->forward(x), query.defined() ? 2 : 3);
  const Tensor q = query.defined() ? by_head(query, 1)[0] : projected[0];
  const Tensor k = projected[-2], v = projected[-1];
  Tensor scores = torch::bmm(q * (1 / std::sqrt(static_cast<double>(width))), k.transpose(1, 2));
  scores.view({windows, heads_, tokens, tokens}).add_(position_bias(tokens));
  if (mask.defined()) scores.view({-1, mask.size(0), heads_, tokens, tokens}).add_(mask.unsqueeze(1));
  const Tensor mixed = torch::bmm(scores.softmax(-1), v)
                           .view({windows, heads_, tokens, width})
                           .transpose(1, 2)
                           .reshape({windows, tokens, channels});
  return proj_->forward(mixed);
}

WindowBlock::WindowBlock(const WindowBlockOptions& options)
    : norm1_(register_module("norm1", make_layer_norm(options.dim))),
      attn_(register_module("attn", std::make_shared<WindowAttention>(options.dim, options.heads,
                                                                      options.window, options.given_query))),
      drop_path_(register_module("drop_path", std::make_shared<DropPath>(options.drop_path_rate))),
      window_(options.window),
      shift_(options.shift) {
  norm2_ = register_module("norm2", make_layer_norm(options.dim));
  mlp_ = register_module(
      "mlp", std::make_shared<Perceptron>(options.dim, kMlpRatio * options.dim, options.mlp_keys));
}

Tensor WindowBlock::forward(const Tensor& x) {
  return add_perceptron(x + drop_path_->forward(attend(norm1_->forward(x), {})));
}

Tensor WindowBlock::forward(const Tensor& skip, const Tensor& below) {
  const Tensor attended = attend(norm1_->forward(skip), norm1_->forward(below));
  return add_perceptron(skip + below + drop_path_->forward(attended));
}

Tensor WindowBlock::add_perceptron(const Tensor& x) {
  return x + drop_path_->forward(mlp_->forward(norm2_->forward(x)));
}

Tensor WindowBlock::attend(const Tensor& x, const Tensor& query) {
  const Size2d size{x.size(1), x.size(2)};
  Size2d window{}, shift{}, padded{};
  for (const std::size_t axis : {0, 1}) {  // an axis that fits into one window is neither padded nor shifted
    const bool fits = size[axis] <= window_;
    window[axis] = fits ? size[axis] : window_;
    shift[axis] = fits ? 0 : shift_;
    padded[axis] = (size[axis] + window[axis] - 1) / window[axis] * window[axis];
  }
  const bool shifted = shift != Size2d{};
  const auto windows_of = [&](const Tensor& map) {
    Tensor y = map;
    if (padded != size) y = torch::constant_pad_nd(y, {0, 0, 0, padded[1] - size[1], 0, padded[0] - size[0]});
    if (shifted) y = torch::roll(y, {-shift[0], -shift[1]}, {1, 2});
    return to_windows(y, window);
  };
  const Tensor attended = attn_->forward(windows_of(x), query.defined() ? windows_of(query) : query,
                                         shifted ? mask(padded, window, shift) : Tensor());
  Tensor y = from_windows(attended, window, padded);
  if (shifted) y = torch::roll(y, {shift[0], shift[1]}, {1, 2});
  return y.slice(1, 0, size[0]).slice(2, 0, size[1]);
}

const Tensor& WindowBlock::mask(const Size2d& size, const Size2d& window, const Size2d& shift) {
  if (mask_size_ != size) {
    mask_ = shifted_window_mask(size, window, shift);
    mask_size_ = size;
  }
  return mask_;
}

}  // namespace seg
