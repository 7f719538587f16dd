// What commands that need no LibTorch do more with it.
#pragma once
#include <functional>
#include <string>

#include "infer/predictor.h"
#include "weights/named_arrays.h"

namespace seg {

struct LibTorch {
  FoldLoader model;
  /// See train/convert_checkpoint.h.
  std::function<void(const fs::path& source, const fs::path& target)> convert_checkpoint;
  /// What weights are for: networks, and the encoder that pretraining starts from; a line each. `config` says
  /// what the weights themselves do not.
  std::function<std::string(const NamedArrays& file, const fs::path& path, const NetworkConfig& config)>
      uses_of;
};

/// All functions are empty in a build without LibTorch.
LibTorch libtorch();

}  // namespace seg
