// LibTorch's threads and memory.
#pragma once

namespace seg {

/// To be called before the first tensor, and where `thread_count()` has changed since. LibTorch and the BLAS
/// behind it then use that many threads (LibTorch alone may start with one), and memory of freed tensors is
/// kept for the next ones: glibc gives large blocks back at once, and getting them anew, cleared page by
/// page, took a third of a training step.
void set_up_torch();

}  // namespace seg
