// The Medical Segmentation Decathlon and AMOS 2022.
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/error.h"
#include "base/json.h"
#include "base/progress.h"
#include "base/threads.h"
#include "base/whole_number.h"
#include "data/convert_parts.h"
#include "image/image_io.h"

namespace seg {
namespace {

constexpr std::string_view kEnding = ".nii.gz";

std::string stem_of(const fs::path& file) {
  const std::string name = file.filename().string();
  if (!name.ends_with(kEnding)) fail("{}: expected a {} file", file.string(), kEnding);
  return name.substr(0, name.size() - kEnding.size());
}

/// Runs `convert(volume, part)` for all, in parallel; part is "Tr" or "Ts".
template <class Convert>
ConvertedDataset convert_all(const fs::path& root, const std::vector<SourceCase>& training,
                             const std::vector<SourceCase>& test, Convert&& convert) {
  ConvertedDataset made{root, std::ssize(training), std::ssize(test)};
  for (const char* folder : {"imagesTr", "labelsTr"}) make_folder(root / folder);
  if (!test.empty()) make_folder(root / "imagesTs");
  Progress progress("convert", made.training + made.test, "case");
  parallel_for(made.training + made.test, [&](std::int64_t i) {
    const bool is_training = i < made.training;
    convert(is_training ? training[static_cast<std::size_t>(i)]
                        : test[static_cast<std::size_t>(i - made.training)],
            is_training ? "Tr" : "Ts");
    progress.advance();
  });
  return made;
}

// ---- Medical Segmentation Decathlon
// ---------------------------------------------------------------------------

/// "Task04_Hippocampus" -> "Dataset004_Hippocampus"
std::string msd_name(const fs::path& input) {
  const std::string task = folder_name(input);
  const auto underscore = task.find('_');
  if (task.starts_with("Task") && underscore != std::string::npos) {
    if (const auto number = whole_number(task.substr(4, underscore - 4)))
      return fmt::format("Dataset{:03}_{}", *number, task.substr(underscore + 1));
  }
  throw Error(fmt::format("{}: expected a folder such as Task04_Hippocampus", input.string()),
              "name the dataset with --name");
}

/// The lists of the task's dataset.json, whose paths start with "./".
std::vector<SourceCase> msd_cases(const Json& json, const fs::path& input) {
  std::vector<SourceCase> cases;
  for (const Json& entry : json) {
    const auto image = entry.is_string() ? entry.get<std::string>() : get<std::string>(entry, "image");
    SourceCase one{stem_of(image), (input / image).lexically_normal(), {}};
    if (!entry.is_string()) one.label = (input / get<std::string>(entry, "label")).lexically_normal();
    for (const fs::path& file : {one.image, one.label})
      if (!file.empty() && !fs::exists(file)) fail("{} is missing, which dataset.json names", file.string());
    cases.push_back(std::move(one));
  }
  return cases;
}

void convert_msd_case(const SourceCase& volume, std::size_t channels, const fs::path& root,
                      const std::string& part) {
  const auto target = [&](std::size_t channel) {
    return root / ("images" + part) / fmt::format("{}_{:04}{}", volume.id, channel, kEnding);
  };
  if (channels == 1) {
    copy_atomically(volume.image, target(0));
  } else {
    const LoadedImage image = read_image(volume.image);
    if (image.voxels.channels() != static_cast<std::int64_t>(channels))
      fail("{}: expected {} channels, as \"modality\" of dataset.json says, got {}", volume.image.string(),
           channels, image.voxels.channels());
    for (std::size_t channel = 0; channel < channels; ++channel) {
      Image one({1, image.voxels.shape[1], image.voxels.shape[2], image.voxels.shape[3]});
      const auto values = image.voxels.channel(static_cast<std::int64_t>(channel));
      std::copy(values.begin(), values.end(), one.data.begin());
      write_image(target(channel), one, image.geometry);
    }
  }
  if (!volume.label.empty())
    copy_atomically(volume.label, root / "labelsTr" / (volume.id + std::string(kEnding)));
}

// ---- AMOS
// -----------------------------------------------------------------------------------------------------

struct Organ {
  const char* name;
  int amos;  ///< the value in AMOS; the place in the table is the new value
};
constexpr std::array<Organ, 14> kOrgans{{{"background", 0},
                                         {"liver", 6},
                                         {"right kidney", 2},
                                         {"spleen", 1},
                                         {"pancreas", 10},
                                         {"aorta", 8},
                                         {"inferior vena cava", 9},
                                         {"right adrenal gland", 11},
                                         {"left adrenal gland", 12},
                                         {"gallbladder", 4},
                                         {"esophagus", 5},
                                         {"stomach", 7},
                                         {"duodenum", 13},
                                         {"left kidney", 3}}};
constexpr int kAmosHighest = 15;  // 14 bladder and 15 prostate or uterus become background
constexpr int kLastCt = 500;

/// "amos_0507" -> 507
std::optional<int> amos_number(const std::string& stem) {
  return stem.starts_with("amos_") ? whole_number(stem.substr(5)) : std::nullopt;
}

std::vector<SourceCase> amos_cases(const fs::path& input) {
  std::vector<SourceCase> cases;
  for (const std::string part : {"Tr", "Va", "Ts"}) {
    if (!fs::is_directory(input / ("images" + part))) continue;
    for (const fs::path& image : list_files(input / ("images" + part), kEnding)) {
      const std::string id = stem_of(image);
      if (amos_number(id).value_or(0) <= kLastCt) continue;
      const fs::path label = input / ("labels" + part) / image.filename();
      cases.push_back({id, image, fs::exists(label) ? label : fs::path()});
    }
  }
  return cases;
}

Labels to_organs(const Labels& amos, const fs::path& file) {
  std::array<int, kAmosHighest + 1> values{};
  for (std::size_t i = 0; i < kOrgans.size(); ++i)
    values[static_cast<std::size_t>(kOrgans[i].amos)] = static_cast<int>(i);
  Labels organs = amos;
  for (std::int32_t& value : organs.data) {
    if (value < 0 || value > kAmosHighest)
      fail("{}: label {}, expected 0 to {}", file.string(), value, kAmosHighest);
    value = values[static_cast<std::size_t>(value)];
  }
  return organs;
}

}  // namespace

ConvertedDataset convert_msd(const fs::path& input, const fs::path& raw, const std::string& name) {
  const fs::path root = raw / (name.empty() ? msd_name(input) : name);
  require_new_dataset(raw, root.filename().string());
  const fs::path file = input / "dataset.json";
  const Json json = read_json(file);
  return with_context(file.string(), [&] {
    const Json channel_names = get<Json>(json, "modality"), values = get<Json>(json, "labels");
    const auto training = msd_cases(get<Json>(json, "training"), input);
    const auto test = msd_cases(get_or<Json>(json, "test", Json::array()), input);
    if (training.empty()) fail("training: the list is empty");
    Json labels = Json::object();  // {"0": "background"} there
    for (const auto& [value, label] : values.items()) {
      const auto number = whole_number(value);
      if (!number || !label.is_string())
        fail("labels: expected \"value\": \"name\", got \"{}\": {}", value, label.dump());
      labels[label.get<std::string>()] = *number;
    }
    const ConvertedDataset made =
        convert_all(root, training, test, [&](const SourceCase& volume, const char* part) {
          convert_msd_case(volume, channel_names.size(), root, part);
        });
    write_dataset_json(made, channel_names, labels, std::string(kEnding));
    return made;
  });
}

ConvertedDataset convert_amos_mr(const fs::path& input, const fs::path& raw, const std::string& name) {
  require_new_dataset(raw, name);
  std::vector<SourceCase> training = amos_cases(input), test;
  const auto unlabelled = std::stable_partition(training.begin(), training.end(),
                                                [](const SourceCase& one) { return !one.label.empty(); });
  test.assign(unlabelled, training.end());
  training.erase(unlabelled, training.end());
  if (training.empty())
    throw Error(
        fmt::format("{}: no labelled MR scan found", input.string()),
        "expected imagesTr/amos_0507.nii.gz with labelsTr/amos_0507.nii.gz, and the like in imagesVa");
  const fs::path root = raw / name;
  const ConvertedDataset made =
      convert_all(root, training, test, [&](const SourceCase& volume, const std::string& part) {
        copy_atomically(volume.image,
                        root / ("images" + part) / (volume.id + "_0000" + std::string(kEnding)));
        if (volume.label.empty()) return;
        const LoadedLabels labels = read_labels(volume.label);
        write_labels(root / "labelsTr" / volume.label.filename(), to_organs(labels.voxels, volume.label),
                     labels.geometry);
      });
  Json labels = Json::object();
  for (std::size_t i = 0; i < kOrgans.size(); ++i) labels[kOrgans[i].name] = i;
  write_dataset_json(made, {{"0", "MR"}}, labels, std::string(kEnding));
  return made;
}

}  // namespace seg
