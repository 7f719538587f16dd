// One knob for the number of threads, and a parallel loop on it. OpenMP underneath, so that LibTorch and our
// kernels share one team of threads.
#pragma once
#include <cstdint>
#include <functional>

namespace seg {

/// Threads for parallel work; 0 (the default) means all cores this process may use.
void set_thread_count(int count);
int thread_count();

/// Calls `body(i)` for every i in [0, count), spread over the threads. The result of a caller must not depend
/// on the order. The first exception is rethrown here. Called from inside another parallel loop it runs
/// serially.
void parallel_for(std::int64_t count, const std::function<void(std::int64_t)>& body);

/// The same, with numbers that run at one time far apart: for bodies that write beside their neighbours,
/// whose lines a core fetches along with its own.
void parallel_for_apart(std::int64_t count, const std::function<void(std::int64_t)>& body);

}  // namespace seg
