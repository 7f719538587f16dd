// How much memory the program has used.
#pragma once
#include <cstddef>
#include <memory>
#include <span>

namespace seg {

struct FreeMemory {
  void operator()(void* memory) const;
};
using FloatMemory = std::unique_ptr<float[], FreeMemory>;

/// Memory for so many numbers, not cleared, from a multiple of 64 bytes on. Much of it comes in huge pages
/// where the system has them: small ones, which it hands out one by one, take longer than what is written
/// into them. Throws std::bad_alloc.
FloatMemory uncleared_floats(std::size_t count);

/// Hands out memory for numbers that are kept for long, not cleared, from multiples of 64 bytes on. Small
/// parts share large pieces, and so their huge pages; a piece lives as long as one of its parts.
class FloatPool {
 public:
  /// Throws std::bad_alloc.
  std::shared_ptr<float[]> take(std::size_t count);

 private:
  std::shared_ptr<float[]> piece_;
  std::size_t used_ = 0, size_ = 0;
};

/// From the pool, or without one by themselves.
std::shared_ptr<float[]> take_floats(FloatPool* pool, std::size_t count);

/// Reads the pages of a file's map that these bytes lie in, all at once: touched one by one, they take longer
/// than what is read from them.
void fetch_pages(std::span<const std::byte> bytes);

/// Largest resident size of this process so far, in MiB.
double peak_memory_mib();

/// What programs may still take without others being pushed out, in bytes: free, or holding files that can be
/// read again.
double available_memory_bytes();

/// From now on freed memory of any size is kept for the next allocations.
void keep_freed_memory();

/// Gives freed memory back to the system.
void release_free_memory();

}  // namespace seg
