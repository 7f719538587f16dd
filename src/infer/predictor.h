// A trained model as a function from a case to labels.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "data/dataset.h"
#include "data/plan.h"
#include "data/preprocess.h"
#include "engine/calibration.h"
#include "image/volume.h"
#include "infer/export.h"
#include "infer/postprocess.h"
#include "infer/sliding_window.h"
#include "infer/trained_model.h"

namespace seg {

/// Loads a fold's network as a model of tiles: its full-resolution head only. Throws Error naming the file
/// where the weights do not fit.
using FoldLoader = std::function<TileModel(const TrainedFold&)>;

/// Loads it into the engine where it has the network, else through `libtorch`.
TileModel fold_model(const TrainedFold& fold, const FoldLoader& libtorch);

/// The Error of a build without LibTorch that is asked for more: says what it runs, and what to install.
Error needs_libtorch(const std::string& what);

/// What networks run on.
enum class Runtime {
  automatic,  ///< the engine where it has the network
  native,     ///< the engine (engine/engine.h)
  torch
};

struct PredictOptions {
  std::vector<std::string> folds{};  ///< "0", "all"; empty for every fold that is there
  std::string checkpoint = "final";  ///< best, final, latest, or a file
  bool mirror = false;
  double step_size = 0.5;
  Runtime runtime = Runtime::automatic;
  bool check_engine = false;  ///< run the first tiles on both and tell how far they are apart
  FoldLoader libtorch{};      ///< train/torch_model.h; none in a build without LibTorch
  bool postprocess = true;    ///< as a model file says; a folder's is for `postprocess apply`
  /// Of the folds, in their order: what predictions give the engine's layers is added there. Outlives the
  /// Predictor.
  std::vector<engine::Calibration>* calibrations = nullptr;
};

/// A model folder or a model file (see infer/trained_model.h), loaded for prediction.
class Predictor {
 public:
  /// Throws Error naming what is missing or does not fit together.
  Predictor(const fs::path& model, const PredictOptions& options);

  const DatasetInfo& info() const { return info_; }
  const Plan& plan() const { return plan_; }
  const std::string& plans_text() const { return plans_text_; }      ///< the model's plans.json
  const std::string& dataset_text() const { return dataset_text_; }  ///< and dataset.json
  std::size_t folds() const { return models_.size(); }
  const std::vector<KeepLargest>& postprocessing() const { return postprocessing_; }  ///< done to labels

  struct CasePrediction {
    Prediction prediction;
    CaseProperties properties;
  };
  /// Reads, preprocesses, predicts (mean of the folds' logits) and puts the result back into the file's own
  /// grid.
  CasePrediction predict(const Case& files, bool with_probabilities = false) const;
  /// The same from a preprocessed case, some slices at a time.
  Prediction predict(const Image& data, const CaseProperties& properties,
                     bool with_probabilities = false) const;

 private:
  DatasetInfo info_;
  Plan plan_;
  std::string plans_text_, dataset_text_;
  std::vector<KeepLargest> postprocessing_;
  SlidingWindowConfig window_;
  std::vector<TileModel> models_;
};

}  // namespace seg
