#include <algorithm>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/zip.h"
#include "weights/pth.h"

namespace seg {
namespace {

constexpr std::size_t kTensorAlignment = 64;  // of tensors in the file, as PyTorch's own

void append(std::string& pickle, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) pickle += static_cast<char>(value >> (8 * i) & 0xff);
}

const TensorTypeRow& row_of(TensorType type) {
  return *std::ranges::find(tensor_types(), type, &TensorTypeRow::type);
}

}  // namespace

void PthWriter::begin_dict() {
  pickle_ += "}(";
}

void PthWriter::end_dict() {
  pickle_ += 'u';
}

void PthWriter::text(std::string_view value) {
  pickle_ += 'X';
  append(pickle_, value.size(), 4);
  pickle_ += value;
}

void PthWriter::integer(std::int64_t value) {
  const bool small = value >= INT32_MIN && value <= INT32_MAX;
  pickle_ += small ? "J" : "\x8a\x08";
  append(pickle_, static_cast<std::uint64_t>(value), small ? 4 : 8);
}

void PthWriter::json(const Json& value) {
  if (value.is_null()) {
    pickle_ += 'N';
  } else if (value.is_boolean()) {
    pickle_ += value.get<bool>() ? '\x88' : '\x89';
  } else if (value.is_number_integer()) {
    integer(value.get<std::int64_t>());
  } else if (value.is_number()) {
    const auto number = value.get<double>();
    std::uint64_t bits = 0;
    std::memcpy(&bits, &number, sizeof bits);
    pickle_ += 'G';  // big endian
    append(pickle_, __builtin_bswap64(bits), sizeof bits);
  } else if (value.is_string()) {
    text(value.get_ref<const std::string&>());
  } else if (value.is_array()) {
    pickle_ += "](";
    for (const auto& element : value) json(element);
    pickle_ += 'e';
  } else {
    begin_dict();
    for (const auto& [key, element] : value.items()) {
      text(key);
      json(element);
    }
    end_dict();
  }
}

/// _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks).
void PthWriter::tensor(const TensorView& tensor) {
  with_context(tensor.name, [&] { check_bytes(tensor.type, tensor.shape, tensor.bytes.size()); });
  const auto shares = [&](const TensorView& other) {
    return other.bytes.data() == tensor.bytes.data() && other.bytes.size() == tensor.bytes.size() &&
           other.type == tensor.type && !tensor.bytes.empty();
  };
  const auto key = std::find_if(storages_.begin(), storages_.end(), shares) - storages_.begin();
  if (static_cast<std::size_t>(key) == storages_.size()) storages_.push_back(tensor);
  pickle_ += "ctorch._utils\n_rebuild_tensor_v2\n((";
  text("storage");
  pickle_ += fmt::format("ctorch\n{}\n", row_of(tensor.type).torch_storage);
  text(std::to_string(key));
  text("cpu");
  integer(static_cast<std::int64_t>(count_of(tensor.shape)));
  pickle_ += "tQ";
  integer(0);
  pickle_ += '(';
  for (const auto size : tensor.shape) integer(size);
  pickle_ += "t(";
  for (std::size_t d = 0; d < tensor.shape.size(); ++d) {
    std::int64_t stride = 1;
    for (const auto size : std::span(tensor.shape).subspan(d + 1)) stride *= std::max<std::int64_t>(size, 1);
    integer(stride);
  }
  pickle_ +=
      "t\x89"
      "ccollections\nOrderedDict\n)RtR";
}

void PthWriter::state_dict(std::span<const TensorView> tensors) {
  pickle_ += "ccollections\nOrderedDict\n)R(";
  for (const auto& view : tensors) {
    text(view.name);
    tensor(view);
  }
  pickle_ += 'u';
}

void PthWriter::write(const fs::path& path) {
  const std::string pickle = pickle_ + '.';
  const auto bytes_of = [](std::string_view text) { return std::as_bytes(std::span(text)); };
  std::vector<ZipContent> contents{{"archive/data.pkl", {bytes_of(pickle)}},
                                   {"archive/byteorder", {bytes_of("little")}}};
  for (std::size_t i = 0; i < storages_.size(); ++i)
    contents.push_back({fmt::format("archive/data/{}", i), {storages_[i].bytes}});
  contents.push_back({"archive/version", {bytes_of("3\n")}});
  write_zip(path, contents, kTensorAlignment);
}

}  // namespace seg
