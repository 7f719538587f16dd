// What this machine can do at best, measured: rates that others are compared with.
#pragma once
#include <cstdint>

namespace seg::bench {

/// Multiply-adds on registers, on all threads: operations a second.
double peak_flops();

/// Bytes a second that all threads read and write together, of arrays larger than the caches.
double memory_bytes();

/// Seconds of the cross scan's arithmetic for so many (direction, channel, pixel) of 16 states, with nothing
/// to fetch beyond the first-level cache: one decay, and three multiplications and additions a state. One
/// thread.
double scan_floor_seconds(std::int64_t elements);

}  // namespace seg::bench
