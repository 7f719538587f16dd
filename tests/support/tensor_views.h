// Values of arrays that a file of weights holds.
#pragma once
#include <cstring>
#include <vector>

#include "weights/named_arrays.h"

namespace seg::testing {

template <class T>
std::vector<T> values_of(const TensorView& tensor) {
  std::vector<T> values(tensor.bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), tensor.bytes.data(), values.size() * sizeof(T));
  return values;
}

}  // namespace seg::testing
