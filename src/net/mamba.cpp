#include "net/mamba.h"

#include <ATen/record_function.h>

#include <cmath>

#include "net/cross_scan_autograd.h"

namespace seg {
namespace {

constexpr double kDtMin = 1e-3, kDtMax = 0.1, kDtFloor = 1e-4;

}  // namespace

void init_dt_bias(Tensor bias) {
  const torch::NoGradGuard no_grad;
  const Tensor dt = torch::rand_like(bias)
                        .mul_(std::log(kDtMax) - std::log(kDtMin))
                        .add_(std::log(kDtMin))
                        .exp_()
                        .clamp_min_(kDtFloor);
  bias.copy_(dt + torch::log(-torch::expm1(-dt)));  // the inverse of softplus
}

void init_a_log(Tensor a_log) {
  const torch::NoGradGuard no_grad;
  a_log.copy_(torch::log(torch::arange(1, a_log.size(1) + 1, torch::kFloat32)).expand_as(a_log));
}

Mamba::Mamba(std::int64_t channels) {
  const std::int64_t inner = kExpand * channels, dt_rank = (channels + 15) / 16;
  // The order of registration is the order of the reference's state dict.
  a_log_ = register_parameter("A_log", torch::empty({inner, kState}));
  d_ = register_parameter("D", torch::empty({inner}));
  in_proj_ = register_module("in_proj", make_linear(channels, 2 * inner, false));
  conv1d_ = register_module("conv1d", std::make_shared<Conv1d>(inner, kConvWidth, kConvWidth - 1));
  x_proj_ = register_module("x_proj", make_linear(inner, dt_rank + 2 * kState, false));
  dt_proj_ = register_module("dt_proj", make_linear(dt_rank, inner, true));
  out_proj_ = register_module("out_proj", make_linear(inner, channels, false));
  init_scan_parameters();
}

void Mamba::init_scan_parameters() {
  const torch::NoGradGuard no_grad;
  const double bound = 1.0 / std::sqrt(static_cast<double>(dt_proj_->weight.size(1)));
  dt_proj_->weight.uniform_(-bound, bound);
  init_dt_bias(dt_proj_->bias);
  init_a_log(a_log_);
  d_.fill_(1.0);
}

Tensor Mamba::forward(const Tensor& x) {
  const std::int64_t length = x.size(1);
  const auto input_and_z = in_proj_->forward(x).chunk(2, -1);  // each [B, L, D]
  // The padding is on both sides; a causal convolution has it on the left only.
  const Tensor conv = conv1d_->forward(input_and_z[0].transpose(1, 2)).slice(2, 0, length);
  const Tensor u = torch::silu(conv).transpose(1, 2).contiguous();
  return out_proj_->forward(scan(u, x_proj_->forward(u)) * torch::silu(input_and_z[1]));
}

Tensor Mamba::scan(const Tensor& u, const Tensor& x_dbl) {
  // What profilers and net/cost see of the scan.
  RECORD_FUNCTION("seg::mamba_scan", std::vector<c10::IValue>({u, dt_proj_->weight, a_log_}));
  // An image of one column, scanned in one direction.
  return cross_scan(u.unsqueeze(2), x_dbl, dt_proj_->weight.unsqueeze(0), dt_proj_->bias, a_log_, d_)
      .squeeze(2);
}

MambaLayer::MambaLayer(std::int64_t features, bool channel_tokens)
    : norm_(register_module("norm", make_layer_norm(features))),
      mamba_(register_module("mamba", std::make_shared<Mamba>(features))),
      channel_tokens_(channel_tokens) {}

Tensor MambaLayer::forward(const Tensor& x) {
  const Tensor flat = x.flatten(2);  // [B, C, H * W]
  const Tensor tokens = channel_tokens_ ? flat : flat.transpose(1, 2);
  const Tensor y = mamba_->forward(norm_->forward(tokens));
  return (channel_tokens_ ? y : y.transpose(1, 2)).reshape(x.sizes());
}

}  // namespace seg
