// LibTorch's threads.
#pragma once

namespace seg {

/// Makes LibTorch and the BLAS behind it use `thread_count()` threads; LibTorch alone may start with one.
void apply_thread_count();

}  // namespace seg
