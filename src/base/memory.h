// How much memory the program has used.
#pragma once

namespace seg {

/// Largest resident size of this process so far, in MiB.
double peak_memory_mib();

/// Gives freed memory back to the system, which glibc otherwise keeps for the next allocations.
void release_free_memory();

}  // namespace seg
