// Networks to named tensors and back: the reference's state-dict keys, with a report of every key.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/files.h"
#include "net/layers.h"
#include "weights/safetensors.h"

namespace seg {

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

/// A copy with the array's type.
Tensor tensor_of(const TensorView& view);

/// Parameters and buffers in the order of PyTorch's state_dict(): a module's own before its children's. Some
/// references hold a module under several names: its tensors are listed under each of them.
NamedTensors state_dict(const torch::nn::Module& module);

/// Every tensor once, under its first name.
NamedTensors first_names(const NamedTensors& tensors);

/// What a load did, by key.
struct LoadReport {
  std::vector<std::string> loaded;
  std::vector<std::string> missing;     ///< the network has it, the file has not
  std::vector<std::string> unexpected;  ///< the file has it, the network has not
  std::vector<std::string> mismatched;  ///< "key: expected [..], got [..]"
  bool complete() const { return missing.empty() && unexpected.empty() && mismatched.empty(); }
};

/// "3 tensors fit; 2 missing: a, b; ...", with the first few names of each kind.
std::string counts_and_examples(const LoadReport& report);

/// "key: expected [..], got [..]"
std::string shape_difference(const std::string& key, const Tensor& expected, const Tensor& got);

/// Copies what fits by name and shape. Of a tensor with several names, the first is enough.
LoadReport load_state_dict(torch::nn::Module& module, const NamedTensors& weights);

/// The same, but anything missing, unexpected or of another shape is an Error that lists the first few.
void load_state_dict_strictly(torch::nn::Module& module, const NamedTensors& weights);

/// The tensors of a file whose names start with `prefix`, which is taken off. float16, bfloat16
/// and float64 values become float32. The tensors own their memory.
NamedTensors read_tensors(const NamedArrays& file, const std::string& prefix = {});

/// Views for write_safetensors and PthWriter; `tensors` must be contiguous CPU tensors and outlive the views.
std::vector<TensorView> views_of(const NamedTensors& tensors);

/// The arrays as tensors; float16, bfloat16 and float64 values become float32. They may be views into the
/// arrays' memory, which `owner` (or, without one, the caller) keeps: read them, never write into them.
NamedTensors tensors_of(std::span<const TensorView> views, const std::shared_ptr<const NamedArrays>& owner);

/// A network's weights from a file of safetensors or torch.save, by the names of its state dict (see
/// network_weights in weights/weights.h), as tensors_of gives them.
NamedTensors read_network_weights(const fs::path& path);

}  // namespace seg
