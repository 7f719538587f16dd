#include "base/memory.h"

#include <malloc.h>
#include <sys/resource.h>

namespace seg {

double peak_memory_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024.0;  // Linux counts in KiB
}

void release_free_memory() {
  malloc_trim(0);
}

}  // namespace seg
