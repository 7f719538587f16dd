#include "net/cross_scan_autograd.h"

#include <ATen/record_function.h>
#include <torch/csrc/autograd/custom_function.h>

#include "base/error.h"
#include "ops/cross_scan.h"

namespace seg {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

CrossScanShape shape_of(const Tensor& u, const Tensor& dt_weight, const Tensor& a_logs) {
  return {u.size(0), u.size(1), u.size(2), u.size(3), a_logs.size(1), dt_weight.size(2), dt_weight.size(0)};
}

CrossScanInputs inputs_of(const tensor_list& t) {
  return {t[0].data_ptr<float>(), t[1].data_ptr<float>(), t[2].data_ptr<float>(),
          t[3].data_ptr<float>(), t[4].data_ptr<float>(), t[5].data_ptr<float>()};
}

struct CrossScanFunction : torch::autograd::Function<CrossScanFunction> {
  static Tensor forward(AutogradContext* context, const Tensor& u, const Tensor& x_dbl,
                        const Tensor& dt_weight, const Tensor& dt_bias, const Tensor& a_logs,
                        const Tensor& skip, bool keep_states) {
    const tensor_list inputs{u.contiguous(),       x_dbl.contiguous(),  dt_weight.contiguous(),
                             dt_bias.contiguous(), a_logs.contiguous(), skip.contiguous()};
    const CrossScanShape shape = shape_of(inputs[0], inputs[2], inputs[4]);
    Tensor y = torch::empty_like(inputs[0]), states;
    if (keep_states) states = torch::empty({cross_scan_states_size(shape)}, y.options());
    RECORD_USER_SCOPE("cross_scan");  // for profilers, as below
    cross_scan_forward(shape, inputs_of(inputs), y.data_ptr<float>(),
                       states.defined() ? states.data_ptr<float>() : nullptr);
    tensor_list kept = inputs;
    kept.push_back(states);
    context->save_for_backward(kept);
    return y;
  }

  static tensor_list backward(AutogradContext* context, const tensor_list& grad_outputs) {
    tensor_list inputs = context->get_saved_variables();
    const Tensor states = inputs.back();
    inputs.pop_back();
    const Tensor dy = grad_outputs[0].contiguous();
    tensor_list gradients;
    for (const Tensor& input : inputs) gradients.push_back(torch::empty_like(input));
    const auto pointer = [&](std::size_t i) { return gradients[i].data_ptr<float>(); };
    RECORD_USER_SCOPE("cross_scan_backward");
    cross_scan_backward(shape_of(inputs[0], inputs[2], inputs[4]), inputs_of(inputs),
                        states.data_ptr<float>(), dy.data_ptr<float>(),
                        {pointer(0), pointer(1), pointer(2), pointer(3), pointer(4), pointer(5)});
    gradients.emplace_back();  // of keep_states
    return gradients;
  }
};

}  // namespace

Tensor cross_scan(const Tensor& u, const Tensor& x_dbl, const Tensor& dt_weight, const Tensor& dt_bias,
                  const Tensor& a_logs, const Tensor& skip) {
  if (u.scalar_type() != torch::kFloat32 || !u.device().is_cpu()) {
    fail("the scan runs on float32 CPU tensors, got {} on {}", c10::toString(u.scalar_type()),
         u.device().str());
  }
  // Known only here: in the function itself gradients are always off.
  const bool keep_states = torch::GradMode::is_enabled();
  return CrossScanFunction::apply(u, x_dbl, dt_weight, dt_bias, a_logs, skip, keep_states);
}

}  // namespace seg
