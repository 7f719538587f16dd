#include "base/memory.h"

#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
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

std::shared_ptr<float[]> FloatPool::take(std::size_t count) {
  constexpr std::size_t kLine = 16, kPiece = std::size_t{8} << 20;  // floats
  const std::size_t padded = (count + kLine - 1) / kLine * kLine;
  if (padded > kPiece / 4) return uncleared_floats(padded);
  if (padded > size_ - used_) {
    piece_ = uncleared_floats(kPiece);
    used_ = 0, size_ = kPiece;
  }
  std::shared_ptr<float[]> part(piece_, piece_.get() + used_);
  used_ += padded;
  return part;
}

std::shared_ptr<float[]> take_floats(FloatPool* pool, std::size_t count) {
  return pool != nullptr ? pool->take(count) : uncleared_floats(count);
}

void fetch_pages(std::span<const std::byte> bytes) {
#ifdef MADV_POPULATE_READ
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t before = reinterpret_cast<std::uintptr_t>(bytes.data()) % page;  // in the first page
  // Advice: older systems refuse it.
  ::madvise(const_cast<std::byte*>(bytes.data()) - before, before + bytes.size(), MADV_POPULATE_READ);
#endif
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
