// A trained model, from nnU-Net's results folder or from one file (weights/model_file.h), not yet loaded.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/plan.h"
#include "infer/checkpoint_info.h"
#include "infer/postprocess.h"
#include "weights/named_arrays.h"

namespace seg {

/// Named as in the state dict; they live as long as `file`.
struct FoldWeights {
  std::shared_ptr<const NamedArrays> file;
  std::vector<TensorView> arrays;
};

struct TrainedFold {
  std::string name;     ///< "0", "all"; empty for a checkpoint that was named by its file
  fs::path origin;      ///< the checkpoint, or the model file
  CheckpointInfo info;  ///< from a model file only what network_from_json gives
  std::function<FoldWeights()> weights;
};

struct TrainedModel {
  std::string plans_text, dataset_text;  ///< plans.json and dataset.json as they are
  Plan plan;
  DatasetInfo info;
  std::vector<TrainedFold> folds;  ///< their networks take the dataset's channels, and one patch size
  std::vector<KeepLargest> postprocessing;  ///< from a model file
  /// Of a model file: waits until its contents are checked, which a thread does meanwhile, and throws Error
  /// where they are not what was written. To be called before anything that came out of the model is
  /// believed.
  std::function<void()> verify = [] {};
};

/// `model` is a folder with plans.json, dataset.json and fold_X/checkpoint_*, or a file. `folds` may be empty
/// for all that are there; `checkpoint` is best, final or latest (nnU-Net's where there is none of ours), or
/// a file, and of no use for a model file. Throws Error naming what is missing or does not fit together.
TrainedModel open_trained_model(const fs::path& model, const std::vector<std::string>& folds,
                                const std::string& checkpoint);

/// "crossval_results_folds_0_1_2_3_4", nnU-Net's name of the folder of gathered predictions.
std::string gathered_name(const std::vector<std::string>& folds);

}  // namespace seg
