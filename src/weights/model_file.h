// A trained model as one file: safetensors with the weights of all its folds ("fold_0/<state-dict key>") and,
// as metadata, all that prediction needs beside them, sealed by a SHA-256 and a CRC-32.
#pragma once
#include <future>
#include <span>
#include <string>
#include <vector>

#include "weights/safetensors.h"

namespace seg {

/// What a model file says beside its weights. All are texts, most of them JSON as in the model's folder.
struct ModelDescription {
  std::string program;        ///< that wrote the file, with its version
  std::string trainer;        ///< nnU-Net's name
  std::string configuration;  ///< of the plans
  std::string
      network;  ///< {"network", "in_channels", "classes", "patch_size", ...}, see infer/checkpoint_info.h
  std::string plans, dataset;    ///< plans.json, dataset.json
  std::string fingerprint{};     ///< dataset_fingerprint.json; empty where there is none
  std::string postprocessing{};  ///< postprocessing.json; empty where there is none
  std::string folds{};           ///< [{"fold": "0", ...}, ...], with what is known of each one's training
};

/// How a model file's contents are checked: by hash and checksum at once, or by the checksum alone in a
/// thread beside what else is to be done. Files from before 2026-11-30 have no checksum, but the hash.
enum class ContentsCheck { now, beside };

/// A model file, memory-mapped and checked: that nothing is missing, that every array belongs to a fold, and
/// its contents. Throws Error naming the file.
class ModelFile : public SafetensorsFile {
 public:
  explicit ModelFile(const fs::path& path, ContentsCheck when = ContentsCheck::now);
  ModelFile(ModelFile&&) = delete;  // the thread reads it

  /// Waits for the check. Throws Error naming the file where it fails.
  void verify() const { check_.get(); }

  const ModelDescription& description() const { return description_; }
  const std::vector<std::string>& folds() const { return folds_; }  ///< "0", ..., "all"; in file order
  /// The weights of a fold under the names of its network's state dict. Throws Error listing the folds there
  /// are.
  std::vector<TensorView> weights(const std::string& fold) const;

 private:
  ModelDescription description_;
  std::vector<std::string> folds_;
  std::shared_future<void> check_;  ///< destroyed first, and so the thread ends before the map
};

/// The name that a fold's array has in the file.
std::string name_in_model(const std::string& fold, const std::string& key);

/// Writes atomically; `tensors` are called by name_in_model.
void write_model_file(const fs::path& path, const ModelDescription& description,
                      std::span<const TensorView> tensors);

/// Whether a file of named arrays is a model, going by its metadata only.
bool is_model(const NamedArrays& file);

}  // namespace seg
