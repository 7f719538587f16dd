// Arrays with names, as files of weights hold them, whatever their format.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"

namespace seg {

enum class TensorType { f64, f32, f16, bf16, i64, i32, i16, i8, u8, boolean };

/// Every type, with its name in safetensors files and PyTorch's names of it and of its storages.
struct TensorTypeRow {
  TensorType type;
  std::string_view name, torch_name, torch_storage;
  std::size_t size;  ///< bytes of a value
};
std::span<const TensorTypeRow> tensor_types();

std::size_t item_size(TensorType type);
/// The name in safetensors files, such as "F32".
std::string_view type_name(TensorType type);

/// One array, C order, little endian; `bytes` need not be aligned to its type.
struct TensorView {
  std::string name;
  TensorType type = TensorType::f32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
};

/// The number of values of a shape. Throws Error for a negative size and for shapes beyond 2^48 values.
std::uint64_t count_of(std::span<const std::int64_t> shape);

/// Throws Error unless `bytes` is the size of an array's values.
void check_bytes(TensorType type, std::span<const std::int64_t> shape, std::size_t bytes);

/// The arrays of a memory-mapped file. They point into the map, or into memory of their own where the file
/// does not hold them in one piece. Movable; the arrays live as long as this does.
class NamedArrays {
 public:
  const std::vector<TensorView>& tensors() const { return tensors_; }  ///< in file order
  /// The array of that name, or null.
  const TensorView* find(std::string_view name) const;
  /// Gives the memory of an array that was mapped back; it is read from the file again when it is needed.
  void release(const TensorView& array) const { file_.release(array.bytes); }
  /// What the file holds beside arrays: safetensors' metadata, or one JSON text (see pth.h).
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

 protected:
  explicit NamedArrays(const fs::path& path) : file_(path) {}

  MappedFile file_;
  std::deque<std::vector<std::byte>> owned_;
  std::vector<TensorView> tensors_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace seg
