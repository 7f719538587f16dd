#include "net/vss.h"

#include <ATen/record_function.h>

#include <cmath>
#include <numeric>

#include "net/cross_scan_autograd.h"
#include "net/mamba.h"

namespace seg {
namespace {

constexpr std::int64_t kDirections = 4;

constexpr double kLinearStd = 0.02;  // VMamba

}  // namespace

void init_linears(torch::nn::Module& module) {
  const torch::NoGradGuard no_grad;
  for (const auto& child : module.modules(/*include_self=*/false)) {
    auto* linear = child->as<LinearLayer>();
    if (linear == nullptr) continue;
    linear->weight.normal_(0.0, kLinearStd);  // the reference truncates at +-2, a hundred deviations out
    if (linear->bias.defined()) linear->bias.zero_();
  }
}

Tensor to_channels_first(const Tensor& x) {
  return x.permute({0, 3, 1, 2});
}
Tensor to_channels_last(const Tensor& x) {
  return x.permute({0, 2, 3, 1});
}

Ss2d::Ss2d(std::int64_t channels) {
  const std::int64_t inner = kExpand * channels;
  const std::int64_t dt_rank = (channels + 15) / 16;
  // The order of registration is the order of the reference's state dict.
  x_proj_weight_ =
      register_parameter("x_proj_weight", torch::empty({kDirections, dt_rank + 2 * kState, inner}));
  dt_projs_weight_ = register_parameter("dt_projs_weight", torch::empty({kDirections, inner, dt_rank}));
  dt_projs_bias_ = register_parameter("dt_projs_bias", torch::empty({kDirections, inner}));
  a_logs_ = register_parameter("A_logs", torch::empty({kDirections * inner, kState}));
  ds_ = register_parameter("Ds", torch::empty({kDirections * inner}));
  in_proj_ = register_module("in_proj", make_linear(channels, 2 * inner, false));
  conv2d_ = register_module("conv2d", make_conv(inner, inner, {.padding = 1, .groups = inner}));
  out_norm_ = register_module("out_norm", make_layer_norm(inner));
  out_proj_ = register_module("out_proj", make_linear(inner, channels, false));
  init_scan_parameters(inner, dt_rank);
}

void Ss2d::init_scan_parameters(std::int64_t inner, std::int64_t dt_rank) {
  const torch::NoGradGuard no_grad;
  const double x_bound =
      1.0 / std::sqrt(static_cast<double>(inner));  // LibTorch's default for a linear layer
  x_proj_weight_.uniform_(-x_bound, x_bound);
  const double dt_bound = 1.0 / std::sqrt(static_cast<double>(dt_rank));
  dt_projs_weight_.uniform_(-dt_bound, dt_bound);
  init_dt_bias(dt_projs_bias_);
  init_a_log(a_logs_);
  ds_.fill_(1.0);
}

Tensor Ss2d::forward(const Tensor& x) {
  const auto gate_and_input = in_proj_->forward(x).chunk(2, -1);  // each [B, H, W, D]
  const Tensor conv = conv2d_->forward(to_channels_first(gate_and_input[0]));
  const Tensor u = to_channels_last(torch::silu(conv)).contiguous();
  return out_proj_->forward(out_norm_->forward(scan(u)) * torch::silu(gate_and_input[1]));
}

Tensor Ss2d::scan(const Tensor& u) {
  // What profilers and net/cost see of the scan.
  RECORD_FUNCTION("seg::cross_scan",
                  std::vector<c10::IValue>({u, x_proj_weight_, dt_projs_weight_, a_logs_}));
  const Tensor x_dbl = torch::linear(u, x_proj_weight_.flatten(0, 1));  // [B, H, W, 4 * (R + 2N)]
  return cross_scan(u, x_dbl, dt_projs_weight_, dt_projs_bias_, a_logs_, ds_);
}

VssBlock::VssBlock(std::int64_t channels, double drop_path_rate)
    : ln_1_(register_module("ln_1", make_layer_norm(channels))),
      self_attention_(register_module("self_attention", std::make_shared<Ss2d>(channels))),
      drop_path_(register_module("drop_path", std::make_shared<DropPath>(drop_path_rate))) {}

Tensor VssBlock::forward(const Tensor& x) {
  return x + drop_path_->forward(self_attention_->forward(ln_1_->forward(x)));
}

VssLayer::VssLayer(std::int64_t channels, const std::vector<double>& drop_path_rates) {
  const auto list = register_module("blocks", make_module_list());
  for (const double rate : drop_path_rates) {
    blocks_.push_back(std::make_shared<VssBlock>(channels, rate));
    list->push_back(blocks_.back());
  }
}

Tensor VssLayer::forward(Tensor x) {
  for (const auto& block : blocks_) x = block->forward(x);
  return x;
}

PatchEmbed::PatchEmbed(std::int64_t patch, std::int64_t in_channels, std::int64_t dim)
    : proj_(register_module("proj", make_conv(in_channels, dim, {.kernel = patch, .stride = patch}))),
      norm_(register_module("norm", make_layer_norm(dim))) {}

Tensor PatchEmbed::forward(const Tensor& x) {
  return norm_->forward(to_channels_last(proj_->forward(x)).contiguous());
}

PatchMerging::PatchMerging(std::int64_t dim)
    : reduction_(register_module("reduction", make_linear(4 * dim, 2 * dim, false))),
      norm_(register_module("norm", make_layer_norm(4 * dim))) {}

Tensor PatchMerging::forward(const Tensor& x) {
  const std::int64_t b = x.size(0), h = x.size(1) / 2, w = x.size(2) / 2, c = x.size(3);
  // Neighbours in the order (0,0), (1,0), (0,1), (1,1) of (row, column).
  const Tensor merged = x.slice(1, 0, 2 * h)
                            .slice(2, 0, 2 * w)
                            .reshape({b, h, 2, w, 2, c})
                            .permute({0, 1, 3, 4, 2, 5})
                            .reshape({b, h, w, 4 * c});
  return reduction_->forward(norm_->forward(merged));
}

PatchExpand::PatchExpand(std::int64_t dim, std::int64_t factor, std::int64_t out)
    : expand_(register_module("expand", make_linear(dim, factor * factor * out, false))),
      norm_(register_module("norm", make_layer_norm(out))),
      factor_(factor),
      out_(out) {}

Tensor PatchExpand::forward(const Tensor& x) {
  const std::int64_t b = x.size(0), h = x.size(2), w = x.size(3);
  const Tensor expanded = expand_->forward(to_channels_last(x))
                              .reshape({b, h, w, factor_, factor_, out_})
                              .permute({0, 1, 3, 2, 4, 5})
                              .reshape({b, h * factor_, w * factor_, out_});
  return norm_->forward(expanded);
}

VssEncoder::VssEncoder(std::int64_t patch, std::int64_t in_channels) {
  patch_embed_ = register_module("patch_embed", std::make_shared<PatchEmbed>(patch, in_channels, kDims[0]));
  const auto layers = register_module("layers", make_module_list());
  const auto downsamples = register_module("downsamples", make_module_list());
  const auto rates = drop_path_rates(kDropPathRate);
  for (std::size_t stage = 0; stage < kDims.size(); ++stage) {
    layers_.push_back(std::make_shared<VssLayer>(kDims[stage], rates[stage]));
    layers->push_back(layers_.back());
    if (stage + 1 < kDims.size()) {
      downsamples_.push_back(std::make_shared<PatchMerging>(kDims[stage]));
      downsamples->push_back(downsamples_.back());
    }
  }
  init_linears(*this);
}

std::vector<std::vector<double>> VssEncoder::drop_path_rates(double last) {
  const std::int64_t last_block = std::accumulate(kDepths.begin(), kDepths.end(), std::int64_t{0}) - 1;
  std::int64_t block = 0;
  std::vector<std::vector<double>> rates(kDepths.size());
  for (std::size_t stage = 0; stage < kDepths.size(); ++stage) {
    for (std::int64_t i = 0; i < kDepths[stage]; ++i) {
      rates[stage].push_back(last * static_cast<double>(block++) / static_cast<double>(last_block));
    }
  }
  return rates;
}

std::vector<Tensor> VssEncoder::forward(const Tensor& x) {
  std::vector<Tensor> outputs;
  Tensor y = patch_embed_->forward(x);
  for (std::size_t stage = 0; stage < layers_.size(); ++stage) {
    y = layers_[stage]->forward(y);
    outputs.push_back(to_channels_first(y));
    if (stage < downsamples_.size()) y = downsamples_[stage]->forward(y);
  }
  return outputs;
}

std::vector<Tensor> VssEncoder::parameters_without_patch_embed() const {
  std::vector<Tensor> chosen;
  for (const auto& item : named_parameters()) {
    if (!item.key().starts_with("patch_embed.")) chosen.push_back(item.value());
  }
  return chosen;
}

}  // namespace seg
