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

void release_free_memory() {
  malloc_trim(0);
}

}  // namespace seg
