// A model folder packed to be handed on: as one file of ours, or as nnU-Net's zip archive.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "base/files.h"
#include "infer/predictor.h"

namespace seg {

struct ExportOptions {
  std::vector<std::string> folds{};  ///< "0", "all"; empty for every fold that is there
  std::string checkpoint = "final";  ///< or best
  bool half = false;                 ///< weights as float16, rounded to the nearest (ties to even)
  // From train/; none in a build without LibTorch.
  FoldLoader libtorch{};  ///< shows that the weights fit; without it the engine does
  std::function<void(const fs::path& source, const fs::path& target)>
      convert_checkpoint{};  ///< ours to a .pth
};

/// Writes a model file (weights/model_file.h). The fold's validation scores and the postprocessing, which
/// `crossval` determined for exactly these folds, go with the final checkpoints they were measured with.
/// `program` is written into it. Throws Error for what is missing, for folds of different networks, and for
/// weights that do not fit the network or that float16 cannot hold.
void export_model_file(const fs::path& model, const fs::path& output, const ExportOptions& options,
                       const std::string& program);

/// Writes the archive that nnU-Net's own import, and install_model_zip, unpack into a results folder:
/// checkpoints as .pth, plans, dataset.json, and of fingerprint, curves, scores and postprocessing what is
/// there.
void export_nnunet_zip(const fs::path& model, const fs::path& output, const ExportOptions& options);

}  // namespace seg
