// Files of named arrays in the safetensors format, bounds-checked and memory-mapped.
#pragma once
#include <map>
#include <span>
#include <string>

#include "weights/named_arrays.h"

namespace seg {

/// A memory-mapped safetensors file. Throws Error naming the file for anything malformed: a header that is
/// too long or no JSON, arrays that overlap, leave gaps or leave the file, shapes that do not fit their
/// bytes, repeated names.
class SafetensorsFile : public NamedArrays {
 public:
  explicit SafetensorsFile(const fs::path& path);
};

/// Writes atomically, arrays in the given order, the first at a multiple of 8 bytes. Throws Error for
/// repeated names and for bytes that do not fit their shape.
void write_safetensors(const fs::path& path, std::span<const TensorView> tensors,
                       const std::map<std::string, std::string>& metadata);

/// What write_safetensors writes in front of the arrays: the length of the JSON, and the JSON padded with
/// blanks.
std::string safetensors_header(std::span<const TensorView> tensors,
                               const std::map<std::string, std::string>& metadata);

}  // namespace seg
