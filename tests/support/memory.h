// How much memory a test that is made to fill it may have taken.
#pragma once
#include <gtest/gtest.h>

#include "base/memory.h"

namespace seg::testing {

/// The address sanitizer keeps freed memory for a while.
#ifdef __SANITIZE_ADDRESS__
constexpr double kMostMebibytes = 2000;
#else
constexpr double kMostMebibytes = 400;
#endif

inline void expect_little_memory() {
  EXPECT_LT(peak_memory_mib(), kMostMebibytes);
}

}  // namespace seg::testing
