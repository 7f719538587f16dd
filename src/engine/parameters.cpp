#include "engine/parameters.h"

#include <fmt/ranges.h>

#include <utility>

#include "base/error.h"
#include "weights/array_values.h"

namespace seg::engine {

Parameters::Parameters(std::span<const TensorView> arrays, std::function<void(const TensorView&)> read)
    : read_(std::move(read)) {
  for (const TensorView& array : arrays) arrays_.emplace(array.name, &array);
}

const TensorView& Parameters::find(const std::string& name) const {
  const auto found = arrays_.find(name);
  if (found == arrays_.end()) fail("the weights do not fit the network: {} is missing", name);
  return *found->second;
}

const std::vector<std::int64_t>& Parameters::shape(const std::string& name) const {
  return find(name).shape;
}

std::vector<float> Parameters::get(const std::string& name, const std::vector<std::int64_t>& shape) const {
  const TensorView& array = find(name);
  if (array.shape != shape) {
    fail("the weights do not fit the network: {} should have the shape [{}], got [{}]", name,
         fmt::join(shape, ", "), fmt::join(array.shape, ", "));
  }
  std::vector<float> values = float_values(array);
  if (read_) read_(array);
  return values;
}

}  // namespace seg::engine
