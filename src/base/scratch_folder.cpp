#include "base/scratch_folder.h"

#include <unistd.h>

#include "base/error.h"

namespace seg {

ScratchFolder::ScratchFolder(const fs::path& path)
    : path_(path.parent_path() / fmt::format(".tmp-{}-{}", ::getpid(), path.filename().string())) {
  make_folder(path_);
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void move_file(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) fail("cannot move {} to {}: {}", from.string(), to.string(), error.message());
}

}  // namespace seg
