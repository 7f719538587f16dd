// A trained model folder as a function from a case to labels.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/plan.h"
#include "data/preprocess.h"
#include "image/image_io.h"
#include "image/volume.h"
#include "infer/sliding_window.h"

namespace seg {

class Network;

/// Logits of one network in inference mode, without gradients; only the full-resolution head.
TileModel tile_model(std::shared_ptr<Network> network);

struct PredictOptions {
  std::vector<std::string> folds{};  ///< "0", "all"; empty for every fold that is there
  std::string checkpoint = "final";  ///< best, final, latest, or a file
  bool mirror = false;
  double step_size = 0.5;
};

/// nnU-Net's results folder (plans.json, dataset.json, fold_X/checkpoint_*), loaded for prediction.
class Predictor {
 public:
  /// Throws Error naming what is missing or does not fit together.
  Predictor(const fs::path& model_folder, const PredictOptions& options);

  const DatasetInfo& info() const { return info_; }
  const Plan& plan() const { return plan_; }
  std::size_t folds() const { return models_.size(); }

  /// Reads, preprocesses, predicts (mean of the folds' logits) and puts the labels back into the file's own
  /// grid.
  LoadedLabels predict(const Case& files) const;
  /// The same from a preprocessed case.
  Labels predict(const Image& data, const CaseProperties& properties) const;

 private:
  DatasetInfo info_;
  Plan plan_;
  SlidingWindowConfig window_;
  std::vector<TileModel> models_;
};

}  // namespace seg
