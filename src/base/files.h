// Whole-file reading, and writing that never leaves a half-written file behind.
#pragma once
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace seg {

namespace fs = std::filesystem;

/// Reads a text file. Throws Error with the path when it is missing or unreadable.
std::string read_text(const fs::path& path);

/// Calls `write` with a temporary path beside `path` (same extension), flushes the result to disk and renames
/// it into place. On any error the temporary file is removed and an Error names `path`.
void write_atomically(const fs::path& path, const std::function<void(const fs::path&)>& write);

/// Writes text or bytes through `write_atomically`.
void write_text(const fs::path& path, std::string_view text);

/// Copies a file byte by byte through `write_atomically`.
void copy_atomically(const fs::path& from, const fs::path& to);

/// The last name of a folder's path, with or without a slash at its end.
std::string folder_name(const fs::path& folder);

/// Creates a folder with its parents. Throws Error naming the folder and the reason.
void make_folder(const fs::path& folder);

/// Files in `folder` whose name ends in `ending`, sorted by name. Throws Error when the folder is missing.
std::vector<fs::path> list_files(const fs::path& folder, std::string_view ending = {});

/// A read-only memory map of a file; empty files map to an empty span.
class MappedFile {
 public:
  explicit MappedFile(const fs::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  std::span<const std::byte> bytes() const { return {data_, size_}; }
  /// Reads bytes from `at` on past the map: into memory that is already there, it is faster than the map's
  /// pages. Throws Error where the file has not so many.
  void read(std::size_t at, std::span<std::byte> to) const;
  /// Gives the memory of these bytes back; they are read from the file again when they are needed. Bytes that
  /// are none of the map's are left alone.
  void release(std::span<const std::byte> bytes) const;

 private:
  int file_ = -1;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace seg
