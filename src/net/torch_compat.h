// What differs between the LibTorch versions the project builds against (1.13 to 2.x). Nowhere else.
#pragma once
#include <torch/types.h>
#include <torch/version.h>

namespace seg {

/// The key of a parameter in torch::optim::Optimizer::state().
inline auto optimizer_state_key(const torch::Tensor& parameter) {
#if TORCH_VERSION_MAJOR >= 2
  return static_cast<void*>(parameter.unsafeGetTensorImpl());
#else
  return c10::guts::to_string(parameter.unsafeGetTensorImpl());
#endif
}

/// What an allocator reports as its total.
#if TORCH_VERSION_MAJOR >= 2
using AllocatorTotal = std::size_t;
#else
using AllocatorTotal = std::int64_t;
#endif

}  // namespace seg
