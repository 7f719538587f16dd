#include "net/winograd_conv.h"

#include <ATen/ops/convolution_backward.h>
#include <ATen/record_function.h>
#include <torch/csrc/autograd/custom_function.h>

#include <array>
#include <span>
#include <utility>

#include "base/threads.h"
#include "engine/blocked.h"
#include "engine/winograd.h"

namespace seg {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

engine::MapsShape maps_of(const Tensor& x) {
  return {x.size(0), x.size(1), x.size(2), x.size(3)};
}

/// x [B, in, H, W], weight [out, in, 3, 3], both contiguous -> [B, out, H, W].
Tensor convolve(const Tensor& x, const Tensor& weight) {
  RECORD_USER_SCOPE("winograd_conv");  // for profilers
  const engine::MapsShape in = maps_of(x);
  const std::int64_t out_channels = weight.size(0);
  const std::span<const float> weights(weight.data_ptr<float>(), static_cast<std::size_t>(weight.numel()));
  const engine::Winograd conv({in.channels, out_channels, in.height, in.width}, weights, {}, thread_count());
  const Tensor from = torch::empty_like(x),
               scratch = torch::empty({conv.scratch_size(in.images)}, x.options());
  Tensor to = torch::empty({in.images, out_channels, in.height, in.width}, x.options());
  engine::to_blocked(in, x.data_ptr<float>(), from.data_ptr<float>());
  conv.run(in.images, from.data_ptr<float>(), scratch.data_ptr<float>(), to.data_ptr<float>());
  Tensor y = torch::empty_like(to);
  engine::to_planar(maps_of(to), to.data_ptr<float>(), y.data_ptr<float>());
  return y;
}

struct WinogradFunction : torch::autograd::Function<WinogradFunction> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight) {
    context->save_for_backward({x, weight});
    return convolve(x.contiguous(), weight.contiguous());
  }

  static tensor_list backward(AutogradContext* context, const tensor_list& grad_outputs) {
    const tensor_list saved = context->get_saved_variables();
    const Tensor &x = saved[0], &weight = saved[1];
    const Tensor dy = grad_outputs[0].contiguous();
    Tensor dx, dw;
    // What the filters do to the gradient, turned by half a circle and with inputs and outputs exchanged.
    if (context->needs_input_grad(0)) dx = convolve(dy, weight.flip({2, 3}).transpose(0, 1).contiguous());
    if (context->needs_input_grad(1)) {
      dw = std::get<1>(at::convolution_backward(dy, x, weight, at::nullopt, {1, 1}, {1, 1}, {1, 1}, false,
                                                {0, 0}, 1, {false, true, false}));
    }
    return {dx, dw};
  }
};

}  // namespace

bool winograd_conv_takes(const Tensor& x, const Tensor& weight) {
  return x.scalar_type() == torch::kFloat32 && x.device().is_cpu() && weight.size(2) == 3 &&
         weight.size(3) == 3 && weight.size(1) == x.size(1) &&
         engine::Winograd::pays({x.size(1), weight.size(0), x.size(2), x.size(3)});
}

Tensor winograd_conv(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const Tensor y = WinogradFunction::apply(x, weight);
  return bias.defined() ? y + bias.view({-1, 1, 1}) : y;
}

}  // namespace seg
