// How much memory the program has used.
#pragma once
#include <cstddef>
#include <memory>

namespace seg {

struct FreeMemory {
  void operator()(void* memory) const;
};
using FloatMemory = std::unique_ptr<float[], FreeMemory>;

/// Memory for so many numbers, not cleared, from a multiple of 64 bytes on. Much of it comes in huge pages
/// where the system has them: small ones, which it hands out one by one, take longer than what is written
/// into them. Throws std::bad_alloc.
FloatMemory uncleared_floats(std::size_t count);

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
