// Checkpoints with weights by formula (goldens/networks/README.md), for tests that predict without training.
#pragma once
#include <deque>
#include <string>
#include <vector>

#include "base/json.h"
#include "infer/checkpoint_info.h"
#include "support/goldens.h"
#include "weights/safetensors.h"
#include "weights/weights.h"

namespace seg::testing {

/// Weights of a golden network, with what a checkpoint says of them; the trainer is the one from scratch.
struct FormulaWeights {
  /// Throws Error where the golden is absent.
  FormulaWeights(const std::string& network, const std::string& trainer, Size2d patch_size) {
    const Json json = read_json(shared_folder() / "goldens/networks" / (network + ".json"));
    for (const Json& entry : json["entries"]) {
      const auto name = entry["name"].get<std::string>();
      const auto shape = entry["shape"].get<std::vector<std::int64_t>>();
      values.push_back(formula_weight_values(name, shape));
      arrays.push_back(
          {kWeightsPrefix + name, TensorType::f32, shape, std::as_bytes(std::span(values.back()))});
    }
    info.trainer_name = trainer;
    info.network = network;
    info.patch_size = patch_size;
    info.network_config = {get<std::int64_t>(json, "in_channels"), get<std::int64_t>(json, "classes"), true,
                           patch_size};
  }
  void write(const fs::path& path) const {
    write_safetensors(path, arrays, {{kCheckpointKey, to_text(to_json(info))}});
  }

  CheckpointInfo info;
  std::deque<std::vector<float>> values;
  std::vector<TensorView> arrays;  ///< named as in a checkpoint
};

}  // namespace seg::testing
