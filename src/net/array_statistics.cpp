#include "net/array_statistics.h"

#include "net/state_dict.h"

namespace seg {

std::optional<ArrayStatistics> array_statistics(const TensorView& array) {
  const torch::NoGradGuard no_grad;
  const Tensor values = tensor_of(array).to(torch::kFloat64);
  if (values.numel() == 0) return {};
  return ArrayStatistics{values.mean().item<double>(), values.std(false).item<double>(),
                         values.min().item<double>(), values.max().item<double>()};
}

}  // namespace seg
