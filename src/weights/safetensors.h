// Files of named arrays in the safetensors format, bounds-checked and memory-mapped.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"

namespace seg {

enum class TensorType { f64, f32, f16, bf16, i64, i32, i16, i8, u8, boolean };

std::size_t item_size(TensorType type);
/// The format's name, such as "F32".
std::string_view type_name(TensorType type);

/// One array of a file; `bytes` points into the file's map and need not be aligned to its type.
struct TensorView {
  std::string name;
  TensorType type = TensorType::f32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
};

/// A memory-mapped safetensors file. Throws Error naming the file for anything malformed: a header that is
/// too long or no JSON, arrays that overlap, leave gaps or leave the file, shapes that do not fit their
/// bytes, repeated names.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const fs::path& path);
  const std::vector<TensorView>& tensors() const { return tensors_; }  ///< in file order
  /// The array of that name, or null.
  const TensorView* find(std::string_view name) const;
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

 private:
  MappedFile file_;
  std::vector<TensorView> tensors_;
  std::map<std::string, std::string> metadata_;
};

/// Writes atomically, arrays in the given order, the first at a multiple of 8 bytes. Throws Error for
/// repeated names and for bytes that do not fit their shape.
void write_safetensors(const fs::path& path, std::span<const TensorView> tensors,
                       const std::map<std::string, std::string>& metadata);

}  // namespace seg
