// Weights and inputs by formula (goldens/networks/README.md), as tensors.
#pragma once
#include <string>
#include <vector>

#include "base/npy.h"
#include "net/network_table.h"
#include "net/state_dict.h"
#include "support/goldens.h"

namespace seg::testing {

/// Every row of the table of networks.
inline std::vector<std::string> network_names() {
  std::vector<std::string> names;
  for (const auto& entry : networks()) names.emplace_back(entry.name);
  return names;
}

inline Tensor formula_weight(const std::string& name, const Tensor& like) {
  const auto values = formula_weight_values(name, like.sizes().vec());
  Tensor tensor = torch::empty(like.sizes().vec(), torch::kFloat32);
  std::copy(values.begin(), values.end(), tensor.data_ptr<float>());
  return tensor;
}

/// Fills every parameter and buffer of a module; of a tensor with several names the first one counts.
inline void fill_by_formula(torch::nn::Module& module, const std::string& prefix = "") {
  const torch::NoGradGuard no_grad;
  for (auto& [name, tensor] : first_names(state_dict(module))) {
    if (name.ends_with("relative_position_index")) continue;  // not weights: "its own values"
    tensor.copy_(formula_weight(prefix + name, tensor));
  }
}

/// a + b*u.
inline Tensor formula_tensor(const std::string& name, const std::vector<std::int64_t>& shape, double a,
                             double b) {
  Tensor tensor = torch::empty(shape, torch::kFloat32);
  const auto values = formula_values(name, tensor.numel(), a, b);
  std::copy(values.begin(), values.end(), tensor.data_ptr<float>());
  return tensor;
}

inline Tensor formula_input(const std::string& name, const std::vector<std::int64_t>& shape) {
  return formula_tensor(name, shape, 0, std::sqrt(3.0));
}

/// A golden .npy of float32 values as a tensor.
inline Tensor golden_tensor(const fs::path& relative) {
  const NpyFile file(shared_folder() / "goldens" / relative);
  const auto values = file.values<float>();
  Tensor tensor = torch::empty(file.shape(), torch::kFloat32);
  std::copy(values.begin(), values.end(), tensor.data_ptr<float>());
  return tensor;
}

inline double relative_l2(const Tensor& a, const Tensor& b) {
  const Tensor x = a.to(torch::kFloat64), y = b.to(torch::kFloat64);
  const double norm = y.norm().item<double>();
  return (x - y).norm().item<double>() / (norm > 0 ? norm : 1.0);
}

inline double max_abs_difference(const Tensor& a, const Tensor& b) {
  return (a.to(torch::kFloat64) - b.to(torch::kFloat64)).abs().max().item<double>();
}

}  // namespace seg::testing
