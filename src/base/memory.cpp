#include "base/memory.h"

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace seg {

double peak_memory_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024.0;  // Linux counts in KiB
}

double available_memory_bytes() {
  std::ifstream information("/proc/meminfo");
  double kib = 0;
  for (std::string word; information >> word;)
    if (word == "MemAvailable:" && information >> kib) return kib * 1024;
  return static_cast<double>(::sysconf(_SC_AVPHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

void keep_freed_memory() {
  mallopt(M_MMAP_MAX, 0);         // large blocks from the heap too
  mallopt(M_TRIM_THRESHOLD, -1);  // whose end stays
  mallopt(M_ARENA_MAX, 1);        // other threads' heaps end at 64 MB
}

void release_free_memory() {
  malloc_trim(0);
}

}  // namespace seg
