// How much memory the program has used.
#pragma once

namespace seg {

/// Largest resident size of this process so far, in MiB.
double peak_memory_mib();

}  // namespace seg
