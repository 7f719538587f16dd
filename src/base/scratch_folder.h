// A folder for what is made in several files and appears as a whole.
#pragma once
#include "base/files.h"

namespace seg {

/// A fresh folder beside `path`, for what is renamed into place once it is whole; removed with what is left
/// in it.
class ScratchFolder {
 public:
  explicit ScratchFolder(const fs::path& path);
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// Renames a file or a folder within a file system. Throws Error naming both.
void move_file(const fs::path& from, const fs::path& to);

}  // namespace seg
