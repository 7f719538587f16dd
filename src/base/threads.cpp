#include "base/threads.h"

#include <omp.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>

namespace seg {
namespace {

std::atomic<int> requested{0};

int available_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof set, &set) == 0 ? std::max(1, CPU_COUNT(&set)) : 1;
}

}  // namespace

void set_thread_count(int count) {
  requested = std::max(0, count);
}

int thread_count() {
  const int count = requested;
  return count > 0 ? count : available_cores();
}

void parallel_for(std::int64_t count, const std::function<void(std::int64_t)>& body) {
  const int threads = static_cast<int>(std::min<std::int64_t>(thread_count(), count));
  if (threads <= 1 || omp_in_parallel() != 0) {
    for (std::int64_t i = 0; i < count; ++i) body(i);
    return;
  }
  std::exception_ptr first_error;
  std::mutex error_mutex;
  std::atomic<bool> failed{false};
#pragma omp parallel for num_threads(threads) schedule(dynamic)
  for (std::int64_t i = 0; i < count; ++i) {
    if (failed) continue;
    try {
      body(i);
    } catch (...) {
      const std::lock_guard lock(error_mutex);
      if (!failed.exchange(true)) first_error = std::current_exception();
    }
  }
  if (first_error) std::rethrow_exception(first_error);
}

void parallel_for_apart(std::int64_t count, const std::function<void(std::int64_t)>& body) {
  const auto threads = std::clamp<std::int64_t>(count, 1, thread_count());
  const std::int64_t part = (count + threads - 1) / threads;
  parallel_for(threads * part, [&](std::int64_t i) {
    const std::int64_t number = i % threads * part + i / threads;
    if (number < count) body(number);
  });
}

}  // namespace seg
