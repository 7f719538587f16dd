#include "net/state_dict.h"

#include <fmt/ranges.h>

#include <map>
#include <memory>
#include <set>

#include "base/error.h"
#include "weights/weights.h"

namespace seg {
namespace {

constexpr std::size_t kListed = 5;  // keys named in an error message

struct TypePair {
  TensorType file;
  torch::ScalarType torch;
};
constexpr TypePair kTypes[] = {{TensorType::f64, torch::kFloat64}, {TensorType::f32, torch::kFloat32},
                               {TensorType::f16, torch::kFloat16}, {TensorType::bf16, torch::kBFloat16},
                               {TensorType::i64, torch::kInt64},   {TensorType::i32, torch::kInt32},
                               {TensorType::i16, torch::kInt16},   {TensorType::i8, torch::kInt8},
                               {TensorType::u8, torch::kUInt8},    {TensorType::boolean, torch::kBool}};

torch::ScalarType torch_type(TensorType type) {
  for (const auto& pair : kTypes) {
    if (pair.file == type) return pair.torch;
  }
  fail("a tensor type of the file is not supported");
}

TensorType file_type(torch::ScalarType type) {
  for (const auto& pair : kTypes) {
    if (pair.torch == type) return pair.file;
  }
  fail("tensors of type {} cannot be written", c10::toString(type));
}

/// Values of other floating types as float32, integers as they are.
Tensor as_float32(const Tensor& tensor) {
  return tensor.is_floating_point() ? tensor.to(torch::kFloat32) : tensor;
}

void collect(const torch::nn::Module& module, const std::string& prefix, NamedTensors& out) {
  if (const auto* alias = module.as<Alias>()) return collect(alias->target(), prefix, out);
  for (const auto& item : module.named_parameters(false)) out.emplace_back(prefix + item.key(), item.value());
  for (const auto& item : module.named_buffers(false)) out.emplace_back(prefix + item.key(), item.value());
  for (const auto& child : module.named_children()) collect(*child.value(), prefix + child.key() + ".", out);
}

std::string first_few(const char* what, const std::vector<std::string>& keys) {
  if (keys.empty()) return {};
  const std::vector<std::string> shown(
      keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(std::min(kListed, keys.size())));
  return fmt::format("; {} {}: {}{}", keys.size(), what, fmt::join(shown, ", "),
                     keys.size() > kListed ? ", ..." : "");
}

}  // namespace

Tensor tensor_of(const TensorView& view) {
  Tensor tensor = torch::empty(view.shape, torch_type(view.type));
  std::copy(view.bytes.begin(), view.bytes.end(), static_cast<std::byte*>(tensor.data_ptr()));
  return tensor;
}

NamedTensors state_dict(const torch::nn::Module& module) {
  NamedTensors tensors;
  collect(module, "", tensors);
  return tensors;
}

NamedTensors first_names(const NamedTensors& tensors) {
  std::set<const void*> seen;
  NamedTensors distinct;
  for (const auto& item : tensors) {
    if (seen.insert(item.second.unsafeGetTensorImpl()).second) distinct.push_back(item);
  }
  return distinct;
}

std::string counts_and_examples(const LoadReport& report) {
  return fmt::format("{} tensors fit{}{}{}", report.loaded.size(), first_few("missing", report.missing),
                     first_few("unexpected", report.unexpected),
                     first_few("of another shape", report.mismatched));
}

std::string shape_difference(const std::string& key, const Tensor& expected, const Tensor& got) {
  return fmt::format("{}: expected [{}], got [{}]", key, fmt::join(expected.sizes(), ", "),
                     fmt::join(got.sizes(), ", "));
}

LoadReport load_state_dict(torch::nn::Module& module, const NamedTensors& weights) {
  const torch::NoGradGuard no_grad;
  std::map<std::string, Tensor> given(weights.begin(), weights.end());
  LoadReport report;
  std::set<const void*> filled;
  for (auto& [key, tensor] : state_dict(module)) {
    const auto found = given.find(key);
    if (found == given.end()) {
      if (filled.count(tensor.unsafeGetTensorImpl()) == 0) report.missing.push_back(key);
      continue;
    }
    if (found->second.sizes() == tensor.sizes()) {
      tensor.copy_(found->second);
      filled.insert(tensor.unsafeGetTensorImpl());
      report.loaded.push_back(key);
    } else {
      report.mismatched.push_back(shape_difference(key, tensor, found->second));
    }
    given.erase(found);
  }
  for (const auto& [key, tensor] : given) report.unexpected.push_back(key);
  return report;
}

void load_state_dict_strictly(torch::nn::Module& module, const NamedTensors& weights) {
  const LoadReport report = load_state_dict(module, weights);
  if (report.complete()) return;
  throw Error("the weights do not fit the network: " + counts_and_examples(report),
              "are network, input channels and classes the ones it was trained with?");
}

NamedTensors read_tensors(const NamedArrays& file, const std::string& prefix) {
  NamedTensors tensors;
  for (const auto& view : file.tensors()) {
    if (view.name.starts_with(prefix))
      tensors.emplace_back(view.name.substr(prefix.size()), as_float32(tensor_of(view)));
  }
  return tensors;
}

std::vector<TensorView> views_of(const NamedTensors& tensors) {
  std::vector<TensorView> views;
  for (const auto& [name, tensor] : tensors) {
    views.push_back({name,
                     file_type(tensor.scalar_type()),
                     tensor.sizes().vec(),
                     {static_cast<const std::byte*>(tensor.data_ptr()), tensor.nbytes()}});
  }
  return views;
}

NamedTensors tensors_of(std::span<const TensorView> views, const std::shared_ptr<const NamedArrays>& owner) {
  NamedTensors tensors;
  for (const auto& view : views) {
    void* data = const_cast<std::byte*>(view.bytes.data());
    const bool aligned = reinterpret_cast<std::uintptr_t>(data) % item_size(view.type) == 0;
    const Tensor tensor = aligned && !view.bytes.empty()
                              ? torch::from_blob(
                                    data, view.shape, [owner](void*) {}, torch_type(view.type))
                              : tensor_of(view);
    tensors.emplace_back(view.name, as_float32(tensor));
  }
  return tensors;
}

NamedTensors read_network_weights(const fs::path& path) {
  const auto file = std::make_shared<const NamedArrays>(open_weights(path));
  return tensors_of(network_weights(*file), file);
}

}  // namespace seg
