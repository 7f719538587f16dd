// libFuzzer over everything that reads a file of weights: safetensors, torch.save's two formats, zip, pickle.
// Whatever the bytes, the reader either gives arrays that lie within memory or throws an Error.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/error.h"
#include "weights/pickle.h"
#include "weights/weights.h"

namespace {

/// The readers map files: a file in memory.
seg::fs::path file_of(const std::uint8_t* data, std::size_t size) {
  static const int descriptor = memfd_create("fuzz", 0);
  if (descriptor < 0 || ftruncate(descriptor, 0) != 0 ||
      pwrite(descriptor, data, size, 0) != static_cast<ssize_t>(size))
    std::abort();
  return "/proc/self/fd/" + std::to_string(descriptor);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    seg::read_pickle({reinterpret_cast<const std::byte*>(data), size});
  } catch (const seg::Error&) {  // as it should be
  }
  try {
    const auto file = seg::open_weights(file_of(data, size));
    volatile unsigned sum = 0;
    for (const auto& tensor : seg::network_weights(file)) {
      if (seg::count_of(tensor.shape) * seg::item_size(tensor.type) != tensor.bytes.size()) std::abort();
      for (const auto byte : tensor.bytes) sum = sum + std::to_integer<unsigned>(byte);
    }
  } catch (const seg::Error&) {  // as it should be
  }
  return 0;
}
