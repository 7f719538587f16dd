// A dataset in nnU-Net's raw layout: dataset.json, imagesTr, labelsTr, imagesTs, labelsTs.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json_fwd.h"
#include "image/volume.h"

namespace seg {

/// One label of dataset.json: a class, or a region made of several values.
struct LabelEntry {
  std::string name;
  std::vector<int> values;  ///< one value for a class; several for a region
};

/// The parsed dataset.json. Source: nnU-Net's documentation of the dataset format.
struct DatasetInfo {
  std::string name;                        ///< folder name, "Dataset004_Hippocampus"
  std::vector<std::string> channel_names;  ///< by channel index
  std::vector<LabelEntry> labels;          ///< as written, background and ignore included
  std::vector<int> regions_class_order;    ///< empty without regions
  std::string file_ending;                 ///< ".nii.gz", ".png", ...
  std::int64_t num_training = 0;

  bool has_regions() const;
  std::optional<int> ignore_label() const;
  /// Foreground classes (or regions) in order, without background and ignore: what is scored and predicted.
  std::vector<LabelEntry> foreground() const;
  /// Channels of the network's output: classes with background, or regions.
  int output_channels() const;
  /// Ending of label files: that of the images, but .png where they are JPEG, which would change the values.
  std::string label_ending() const;
};

/// Parses dataset.json; `origin` names it in errors. Missing keys, wrong types and labels that are not
/// 0, 1, 2, ... are errors in words; keys it does not know are left alone, as nnU-Net does.
DatasetInfo parse_dataset_info(const Json& json, const std::string& name, const std::string& origin);

/// The dataset.json `file`, named after the folder it lies in.
DatasetInfo read_dataset_info(const fs::path& file);

/// One case: its identifier, a file per channel, and its label (empty for test cases).
struct Case {
  std::string id;
  std::vector<fs::path> images;
  fs::path label;
};

struct Dataset {
  fs::path root;
  DatasetInfo info;
  std::vector<Case> training;  ///< sorted by id
};

/// Opens a raw dataset and lists its training cases; every missing channel or label file is an Error. What is
/// wrong beyond that is found by data/doctor.
Dataset open_dataset(const fs::path& root);

/// Cases of a folder of images named <id>_0000<ending>, ..., sorted by id (prediction input). A case has one
/// file per channel; a picture (.png, ...) may hold all its channels in <id>_0000. Where no file has the
/// ending, a folder that is a DICOM series is one case, and one that holds such folders has a case in each.
/// Throws Error for a missing channel or a folder with no image of that ending.
std::vector<Case> list_cases(const fs::path& folder, std::size_t channels, const std::string& file_ending);

/// One case from its channel files, in their order: the first one alone stands for all <id>_0000, _0001, ...
/// beside it. Throws Error for a missing file or a wrong number of files.
Case case_of_files(const std::vector<fs::path>& files, std::size_t channels, const std::string& file_ending);

/// "case_0003.nii.gz" -> {"case", 3}; nothing for names without a channel number.
std::optional<std::pair<std::string, int>> split_channel(std::string name, std::string_view ending);

/// True for endings of medical volumes, false for pictures, which may hold several channels in a file.
bool is_volume_ending(std::string_view ending);

/// Files that a case needs: one per channel, but a colour picture holds its channels in one file.
std::size_t files_per_case(std::size_t channels, std::size_t present, std::string_view ending);

/// Throws Error when a value of `labels` is not in dataset.json; lists what is expected and where the value
/// is.
void check_label_values(const Labels& labels, const DatasetInfo& info, const std::string& name);

/// Copies dataset.json and plans.json of a model or of predictions, where they are there.
void copy_descriptions(const fs::path& from, const fs::path& to);

/// The dataset folder inside `root` for "4", "004", "Dataset004_Hippocampus" or "Hippocampus".
/// Throws Error listing what is there when none or several match.
fs::path find_dataset(const fs::path& root, const std::string& id_or_name);

/// nnU-Net's three folders, from options or from the environment.
struct DataFolders {
  fs::path raw, preprocessed, results;
};

}  // namespace seg
