#include "infer/quantize.h"

#include <deque>
#include <utility>

#include "base/error.h"
#include "engine/engine.h"
#include "engine/int8_weights.h"
#include "infer/trained_model.h"
#include "weights/model_file.h"

namespace seg {

void check_quantizable(const fs::path& model) {
  const TrainedModel opened = open_trained_model(model, {}, "final");
  for (const TrainedFold& fold : opened.folds) {
    if (!engine::has_network(fold.info.network, fold.info.network_config.topology))
      fail("int8 layers run on the engine only, which does not have {}", fold.info.network);
    if (engine::has_int8(fold.weights().arrays)) fail("{}: its layers are int8 already", model.string());
  }
}

std::size_t write_int8_model(const fs::path& model, const std::vector<engine::Calibration>& calibrations,
                             const fs::path& output, const std::string& program) {
  const ModelFile file(model);
  ModelDescription description = file.description();
  description.program = program;
  if (calibrations.size() != file.folds().size())
    fail("{} folds were calibrated, {} has {}", calibrations.size(), model.string(), file.folds().size());
  std::size_t layers = 0;
  std::deque<engine::Int8Weights> folds;
  std::vector<TensorView> tensors;
  for (std::size_t i = 0; i < calibrations.size(); ++i) {
    layers += calibrations[i].size();
    const auto weights = file.weights(file.folds()[i]);
    for (TensorView array : folds.emplace_back(weights, calibrations[i]).arrays()) {
      array.name = name_in_model(file.folds()[i], array.name);
      tensors.push_back(std::move(array));
    }
  }
  write_model_file(output, description, tensors);
  return layers;
}

}  // namespace seg
