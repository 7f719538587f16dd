// The values of a pickle as JSON, for everything that is no tensor.
#pragma once
#include <functional>
#include <string>

#include "base/json_fwd.h"
#include "weights/pickle.h"

namespace seg {

/// Called with the way to a tensor, such as "model.stem.0.weight", and the object that makes it.
using TensorVisitor = std::function<void(const std::string& name, const PickleValue& value)>;

/// Dicts as objects, lists and tuples as arrays, NumPy's numbers as numbers, bytes as how many they are,
/// other objects as {"class": name, "args": [...], "state": ..., "items": [...]}. Tensors go to `visit`
/// instead, and a dict or list of nothing but tensors is left out; inside other objects they become null.
/// Throws Error where values are nested too deep, or shared so often that the JSON would not end.
Json read_record(const PickleValue& root, const TensorVisitor& visit);

}  // namespace seg
