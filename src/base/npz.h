// NumPy's .npz format: named arrays in a zip archive.
#pragma once
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/npy.h"

namespace seg {

/// One array of an archive, with its values.
class NpzArray {
 public:
  /// `entry` is a whole .npy file; `name` names it in errors. Throws Error when it is not one.
  NpzArray(std::string name, std::vector<std::byte> entry);
  const NpyHeader& header() const { return header_; }
  const std::vector<std::int64_t>& shape() const { return header_.shape; }

  /// The values; throws Error when the array is of another type.
  template <class T>
  std::span<const T> values() const {
    return npy_values<T>(name_, header_, entry_);
  }

 private:
  std::string name_;
  std::vector<std::byte> entry_;
  NpyHeader header_;
};

using NpzArrays = std::map<std::string, NpzArray>;

/// Reads every array, by its name without ".npy". Throws Error naming the file and the array.
NpzArrays read_npz(const fs::path& path);

/// The array of that name; throws Error naming it and listing what is there.
const NpzArray& array_of(const NpzArrays& arrays, const std::string& name);

/// An array to write.
struct NpzEntry {
  std::string name;
  DType dtype;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> values;
};

/// Writes atomically, uncompressed. Throws Error where a shape does not fit its values.
void write_npz(const fs::path& path, std::span<const NpzEntry> entries);

}  // namespace seg
