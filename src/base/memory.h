// How much memory the program has used.
#pragma once

namespace seg {

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
