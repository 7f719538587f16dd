#include "net/selective_scan_autograd.h"

#include "base/error.h"
#include "ops/selective_scan.h"

namespace seg {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

/// Of the inputs u, delta, a, b, c, skip, z, delta_bias.
ScanShape shape_of(const tensor_list& t) {
  return {t[0].size(0), 1, t[0].size(1), t[2].size(1), t[0].size(2)};
}

ScanInputs<float> inputs_of(const tensor_list& t) {
  const auto pointer = [&](std::size_t i) { return t[i].data_ptr<float>(); };
  return {pointer(0), pointer(1), pointer(2), pointer(3), pointer(4), pointer(5), pointer(6), pointer(7)};
}

struct SelectiveScanFunction : torch::autograd::Function<SelectiveScanFunction> {
  static Tensor forward(AutogradContext* context, const Tensor& u, const Tensor& delta, const Tensor& a,
                        const Tensor& b, const Tensor& c, const Tensor& skip, const Tensor& z,
                        const Tensor& delta_bias) {
    const tensor_list inputs{u.contiguous(), delta.contiguous(), a.contiguous(), b.contiguous(),
                             c.contiguous(), skip.contiguous(),  z.contiguous(), delta_bias.contiguous()};
    Tensor y = torch::empty_like(inputs[0]);
    selective_scan_forward(shape_of(inputs), inputs_of(inputs), y.data_ptr<float>());
    context->save_for_backward(inputs);
    return y;
  }

  static tensor_list backward(AutogradContext* context, const tensor_list& grad_outputs) {
    const tensor_list inputs = context->get_saved_variables();
    const Tensor dy = grad_outputs[0].contiguous();
    tensor_list gradients;
    for (const Tensor& input : inputs) gradients.push_back(torch::empty_like(input));
    const auto pointer = [&](std::size_t i) { return gradients[i].data_ptr<float>(); };
    selective_scan_backward(
        shape_of(inputs), inputs_of(inputs), dy.data_ptr<float>(),
        {pointer(0), pointer(1), pointer(2), pointer(3), pointer(4), pointer(5), pointer(6), pointer(7)});
    return gradients;
  }
};

}  // namespace

Tensor selective_scan(const SelectiveScanInputs& in) {
  if (in.u.scalar_type() != torch::kFloat32 || !in.u.device().is_cpu()) {
    fail("the scan runs on float32 CPU tensors, got {} on {}", c10::toString(in.u.scalar_type()),
         in.u.device().str());
  }
  return SelectiveScanFunction::apply(in.u, in.delta, in.a, in.b, in.c, in.skip, in.z, in.delta_bias);
}

}  // namespace seg
