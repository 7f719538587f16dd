#include "base/start.h"

#include <unistd.h>

namespace seg {

fs::path own_path() {
  std::error_code unknown;
  return fs::read_symlink("/proc/self/exe", unknown);
}

void start_anew(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr && std::getenv("GLIBC_TUNABLES") != nullptr) return;
  set_start_environment();
  execv(own_path().c_str(), argv);
}

}  // namespace seg
