#include "base/memory.h"

#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <new>
#include <string>

namespace seg {

void FreeMemory::operator()(void* memory) const {
  std::free(memory);
}

FloatMemory uncleared_floats(std::size_t count) {
  constexpr std::size_t kLine = 64, kHugePage = std::size_t{2} << 20;
  const std::size_t bytes = std::max<std::size_t>(count, 1) * sizeof(float);
  const bool large = bytes >= kHugePage;
  void* memory = nullptr;
  if (::posix_memalign(&memory, large ? kHugePage : kLine, bytes) != 0) throw std::bad_alloc();
  if (large) ::madvise(memory, bytes, MADV_HUGEPAGE);  // advice: may be refused
  return FloatMemory(static_cast<float*>(memory));
}

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
