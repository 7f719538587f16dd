// Files of named arrays in the safetensors format, bounds-checked and memory-mapped.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/files.h"

namespace seg {

enum class TensorType { f64, f32, f16, bf16, i64, i32, i16, i8, u8, boolean };

/// One array of a file; `bytes` points into the file's map.
struct TensorView {
  std::string name;
  TensorType type = TensorType::f32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
};

/// A memory-mapped safetensors file. Throws Error naming the file for anything malformed: a header that is
/// too long or no JSON, overlapping or out-of-range offsets, shapes that do not fit their bytes, repeated
/// names.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const fs::path& path);
  const std::vector<TensorView>& tensors() const { return tensors_; }  ///< in file order
  const TensorView* find(const std::string& name) const;
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

 private:
  MappedFile file_;
  std::vector<TensorView> tensors_;
  std::map<std::string, std::string> metadata_;
};

/// Writes atomically, arrays in the given order, 8-byte aligned data.
void write_safetensors(const fs::path& path, std::span<const TensorView> tensors,
                       const std::map<std::string, std::string>& metadata);

}  // namespace seg
