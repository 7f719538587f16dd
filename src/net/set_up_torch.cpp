#include "net/set_up_torch.h"

#include <ATen/Parallel.h>

#include "base/memory.h"
#include "base/threads.h"

// Present when the BLAS that LibTorch loads is OpenBLAS.
extern "C" void openblas_set_num_threads(int count) __attribute__((weak));

namespace seg {

void set_up_torch() {
  at::set_num_threads(thread_count());
  if (openblas_set_num_threads != nullptr) openblas_set_num_threads(thread_count());
  keep_freed_memory();
}

}  // namespace seg
