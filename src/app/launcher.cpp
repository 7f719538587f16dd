// swin-umamba as people call it: starts the program beside it with the environment that its libraries read
// while they load. Nothing but the C library is loaded for this, which takes a millisecond.
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>

#include "base/start.h"

int main(int, char** argv) {
  char program[PATH_MAX] = {};
  const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
  char* name = length > 0 ? std::strrchr(program, '/') : nullptr;
  if (name == nullptr) {
    std::fprintf(stderr, "error: cannot tell where this program lies: %s\n", std::strerror(errno));
    return 1;
  }
  std::snprintf(name, static_cast<std::size_t>(program + sizeof program - name), "/%s", SEG_PROGRAM);
  seg::set_start_environment();
  execv(program, argv);
  std::fprintf(stderr, "error: cannot start %s: %s\nhint: it belongs beside swin-umamba; cmake builds both\n",
               program, std::strerror(errno));
  return 1;
}
