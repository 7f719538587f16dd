#include "data/dataset.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "base/error.h"
#include "base/json.h"
#include "base/suggest.h"
#include "base/whole_number.h"
#include "image/dicom.h"
#include "image/image_io.h"

namespace seg {
namespace {

constexpr std::string_view kBackground = "background";
constexpr std::string_view kIgnore = "ignore";

void require_keys(const Json& json) {
  if (!json.is_object()) fail("expected an object, got {}", json.type_name());
  std::vector<std::string> present;
  for (const auto& [key, value] : json.items()) present.push_back(key);
  for (const std::string_view key : {"channel_names", "labels", "numTraining", "file_ending"}) {
    if (json.contains(key)) continue;
    std::string hint = fmt::format("dataset.json needs channel_names, labels, numTraining and file_ending");
    const std::string closest = closest_word(key, present);
    if (key == "channel_names" && json.contains("modality")) {
      hint =
          "this is the old nnU-Net format: rename \"modality\" to \"channel_names\", turn labels into "
          "{name: value} and add file_ending";
    } else if (!closest.empty()) {
      hint = fmt::format("is \"{}\" meant?", closest);
    }
    throw Error(fmt::format("key \"{}\" is missing", key), hint);
  }
}

/// {"0": "CT", "1": "PET"}
std::vector<std::string> parse_channels(const Json& json) {
  if (!json.is_object() || json.empty())
    throw Error("channel_names: expected an object with an entry per channel",
                R"(write "channel_names": {"0": "CT"})");
  std::vector<std::string> names(json.size());
  std::vector<bool> seen(json.size(), false);
  for (const auto& [key, value] : json.items()) {
    const auto index = whole_number(key);
    if (!index || !value.is_string()) {
      throw Error(
          fmt::format("channel_names: expected \"index\": \"name\", got \"{}\": {}", key, value.dump()),
          value.is_number() ? "the index comes first: {\"0\": \"CT\"}" : "");
    }
    if (*index >= static_cast<int>(names.size()) || seen[*index])
      fail("channel_names: indices must be 0 to {}, got \"{}\"", names.size() - 1, key);
    seen[*index] = true;
    names[*index] = value.get<std::string>();
  }
  return names;
}

std::vector<int> parse_values(const std::string& name, const Json& json) {
  const auto one = [&](const Json& value) {
    if (!value.is_number_integer() || value < 0 || value > 65534) {
      throw Error(
          fmt::format("labels: \"{}\" expected a whole number from 0 to 65534, got {}", name, value.dump()),
          value.is_string() ? R"(the name comes first: {"background": 0, "liver": 1})" : "");
    }
    return value.get<int>();
  };
  if (!json.is_array()) return {one(json)};
  std::vector<int> values;
  for (const Json& value : json) values.push_back(one(value));
  if (values.empty()) fail("labels: region \"{}\" is empty", name);
  return values;
}

/// Every value from 0 up must occur, background is 0, and ignore is the highest.
void check_labels(const std::vector<LabelEntry>& labels) {
  std::set<int> values;
  for (const auto& label : labels) values.insert(label.values.begin(), label.values.end());
  const auto background = std::find_if(labels.begin(), labels.end(),
                                       [](const LabelEntry& label) { return label.name == kBackground; });
  if (background == labels.end() || background->values != std::vector<int>{0})
    fail("labels: \"background\" must be there with value 0");
  const int highest = *values.rbegin();
  if (static_cast<int>(values.size()) != highest + 1) {
    throw Error(fmt::format("labels: expected consecutive values 0 to {}, got {}", values.size() - 1,
                            fmt::join(values, ", ")),
                "renumber the labels in dataset.json and in the label files");
  }
  std::set<int> taken;
  for (const auto& label : labels) {
    if (label.values.size() == 1 && !taken.insert(label.values[0]).second)
      fail("labels: value {} is used twice", label.values[0]);
    if (label.name == kIgnore && label.values != std::vector<int>{highest})
      fail("labels: \"ignore\" must have the highest value ({}), got {}", highest,
           fmt::join(label.values, ", "));
  }
}

void check_regions(const DatasetInfo& info) {
  if (!info.has_regions()) return;
  const auto expected = info.foreground().size();
  if (info.regions_class_order.size() == expected) return;
  throw Error(fmt::format("regions_class_order: expected {} values, one per region, got {}", expected,
                          info.regions_class_order.size()),
              "the order in which regions are painted into the label image, e.g. [1, 2, 3]");
}

[[noreturn]] void fail_no_images(const fs::path& folder, const std::string& ending,
                                 const std::vector<fs::path>& with_ending) {
  if (!with_ending.empty()) {
    throw Error(fmt::format("{}: no image named <case>_0000{}", folder.string(), ending),
                fmt::format("rename {} to {}", with_ending[0].filename().string(),
                            with_ending[0].filename().string().substr(
                                0, with_ending[0].filename().string().size() - ending.size()) +
                                "_0000" + ending));
  }
  const auto others = list_files(folder);
  throw Error(fmt::format("{}: no file ends in {}", folder.string(), ending),
              others.empty() ? "the folder is empty"
                             : fmt::format("it holds {} other files, such as {}", others.size(),
                                           others[0].filename().string()));
}

/// Cases of a folder that is a DICOM series, or holds folders that are: <id>, or <id>_0000, ... per channel.
std::vector<Case> list_dicom_cases(const fs::path& folder, std::size_t channels) {
  if (is_dicom_folder(folder)) {
    if (channels != 1)
      throw Error(
          fmt::format("{} is one DICOM series, but a case has {} channels", folder.string(), channels),
          "give a folder with the folders <case>_0000, <case>_0001, ...");
    return {{folder_name(folder), {folder}, {}}};
  }
  std::map<std::string, std::vector<fs::path>> found;  // sorted by name: channel 0 comes first
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!is_dicom_folder(entry.path())) continue;
    const std::string name = entry.path().filename().string();
    const auto part = split_channel(name, "");
    found[part ? part->first : name].push_back(entry.path());
  }
  std::vector<Case> cases;
  for (auto& [id, images] : found) {
    if (images.size() != channels)
      fail("case \"{}\" has {} DICOM series in {}, expected {}", id, images.size(), folder.string(),
           channels);
    std::sort(images.begin(), images.end());
    cases.push_back({id, images, {}});
  }
  return cases;
}

/// The optional "dataset" key of dataset.json: {case: {images: [...], label}} with paths relative to root.
std::vector<Case> cases_from_json(const Json& json, const fs::path& root, std::size_t channels,
                                  const std::string& ending) {
  std::vector<Case> cases;
  for (const auto& [id, entry] : json.items()) {
    if (id.empty() || id[0] == '.' || id.find('/') != std::string::npos)
      fail("dataset: \"{}\" cannot be a case: it becomes the name of a file", id);
    const auto images = get<std::vector<std::string>>(entry, "images");
    Case found{id, {}, root / get<std::string>(entry, "label")};
    for (const auto& image : images) found.images.push_back(root / image);
    const std::size_t needed = files_per_case(channels, images.size(), ending);
    if (images.size() != needed)
      fail("dataset: case \"{}\" has {} images, expected {}", id, images.size(), needed);
    cases.push_back(std::move(found));
  }
  std::sort(cases.begin(), cases.end(), [](const Case& a, const Case& b) { return a.id < b.id; });
  return cases;
}

void require_files(const std::vector<Case>& cases) {
  std::vector<std::string> missing;
  for (const Case& one : cases) {
    for (const fs::path& image : one.images)
      if (!fs::exists(image)) missing.push_back(image.string());
    if (!fs::exists(one.label)) missing.push_back(one.label.string());
  }
  if (missing.empty()) return;
  const std::size_t count = missing.size();
  missing.resize(std::min<std::size_t>(count, 5));
  fail("{} file{} of the training cases missing: {}{}", count, count == 1 ? " is" : "s are",
       fmt::join(missing, ", "), count > missing.size() ? ", ..." : "");
}

}  // namespace

std::optional<std::pair<std::string, int>> split_channel(std::string name, std::string_view ending) {
  name.resize(name.size() - ending.size());
  if (name.size() < 6 || name[name.size() - 5] != '_') return std::nullopt;
  const auto channel = whole_number(std::string_view(name).substr(name.size() - 4));
  if (!channel) return std::nullopt;
  return std::pair(name.substr(0, name.size() - 5), *channel);
}

bool is_volume_ending(std::string_view ending) {
  return ending.starts_with(".n") || ending == ".mha";
}

std::size_t files_per_case(std::size_t channels, std::size_t present, std::string_view ending) {
  return !is_volume_ending(ending) && present == 1 ? 1 : channels;
}

bool DatasetInfo::has_regions() const {
  return std::any_of(labels.begin(), labels.end(), [](const LabelEntry& l) { return l.values.size() > 1; });
}

std::optional<int> DatasetInfo::ignore_label() const {
  for (const LabelEntry& label : labels)
    if (label.name == kIgnore) return label.values[0];
  return std::nullopt;
}

std::vector<LabelEntry> DatasetInfo::foreground() const {
  std::vector<LabelEntry> found;
  for (const LabelEntry& label : labels)
    if (label.name != kBackground && label.name != kIgnore) found.push_back(label);
  if (!has_regions()) {
    std::sort(found.begin(), found.end(),
              [](const LabelEntry& a, const LabelEntry& b) { return a.values < b.values; });
  }
  return found;
}

int DatasetInfo::output_channels() const {
  return static_cast<int>(foreground().size()) + (has_regions() ? 0 : 1);
}

std::string DatasetInfo::label_ending() const {
  return file_ending.starts_with(".jp") ? ".png" : file_ending;
}

DatasetInfo parse_dataset_info(const Json& json, const std::string& name, const std::string& origin) {
  return with_context(origin, [&] {
    require_keys(json);
    DatasetInfo info;
    info.name = name;
    info.channel_names = parse_channels(json["channel_names"]);
    if (!json["labels"].is_object())
      throw Error(fmt::format("labels: expected an object, got {}", json["labels"].type_name()),
                  R"(write "labels": {"background": 0, "liver": 1})");
    for (const auto& [label, value] : json["labels"].items())
      info.labels.push_back({label, parse_values(label, value)});
    check_labels(info.labels);
    if (info.has_regions())
      info.regions_class_order = get_or<std::vector<int>>(json, "regions_class_order", {});
    check_regions(info);
    info.file_ending = get<std::string>(json, "file_ending");
    if (std::find(kImageEndings.begin(), kImageEndings.end(), info.file_ending) == kImageEndings.end())
      fail_unknown("file_ending", info.file_ending, {kImageEndings.begin(), kImageEndings.end()});
    if (!json["numTraining"].is_number_unsigned())
      fail("numTraining: expected a whole number, got {}", json["numTraining"].dump());
    info.num_training = json["numTraining"].get<std::int64_t>();
    return info;
  });
}

DatasetInfo read_dataset_info(const fs::path& file) {
  return parse_dataset_info(read_json(file), fs::absolute(file).parent_path().filename().string(),
                            file.string());
}

std::vector<Case> list_cases(const fs::path& folder, std::size_t channels, const std::string& file_ending) {
  const auto files = list_files(folder, file_ending);
  if (files.empty()) {
    if (auto series = list_dicom_cases(folder, channels); !series.empty()) return series;
  }
  std::unordered_map<std::string, std::set<int>> found;
  std::vector<Case> cases;
  for (const fs::path& file : files) {
    const auto part = split_channel(file.filename().string(), file_ending);
    if (!part) continue;
    if (found[part->first].empty()) cases.push_back({part->first, {}, {}});
    found[part->first].insert(part->second);
  }
  if (cases.empty()) fail_no_images(folder, file_ending, files);
  std::sort(cases.begin(), cases.end(), [](const Case& a, const Case& b) { return a.id < b.id; });
  for (Case& one : cases) {
    const auto& present = found[one.id];
    const std::size_t needed = files_per_case(channels, present.size(), file_ending);
    for (int c = 0; c < static_cast<int>(needed); ++c) {
      one.images.push_back(folder / fmt::format("{}_{:04}{}", one.id, c, file_ending));
      if (!present.contains(c))
        fail("case \"{}\" needs {} channel file(s), but {} is missing", one.id, needed,
             one.images.back().string());
    }
    if (present.size() > needed)
      fail("case \"{}\" has {} channel files in {}, expected {}", one.id, present.size(), folder.string(),
           needed);
  }
  return cases;
}

Case case_of_files(const std::vector<fs::path>& files, std::size_t channels, const std::string& file_ending) {
  for (const fs::path& file : files) {
    if (!file.string().ends_with(file_ending))
      throw Error(fmt::format("{}: expected a file that ends in {}", file.string(), file_ending),
                  "the model was trained on such files (file_ending in its dataset.json)");
    if (!fs::is_regular_file(file)) fail("{} does not exist", file.string());
  }
  const std::string first = files.at(0).filename().string();
  const auto part = split_channel(first, file_ending);
  Case found{part ? part->first : first.substr(0, first.size() - file_ending.size()), files, {}};
  if (files.size() == 1 && part && part->second == 0) {
    for (std::size_t c = 1; c < channels; ++c) {
      const fs::path next = files[0].parent_path() / fmt::format("{}_{:04}{}", part->first, c, file_ending);
      if (fs::exists(next)) found.images.push_back(next);
    }
  }
  const std::size_t needed = files_per_case(channels, found.images.size(), file_ending);
  if (found.images.size() != needed)
    fail("case \"{}\" has {} channel file(s), expected {}", found.id, found.images.size(), needed);
  return found;
}

Dataset open_dataset(const fs::path& root) {
  if (!fs::is_directory(root)) fail("dataset folder {} does not exist", root.string());
  const fs::path file = root / "dataset.json";
  if (!fs::exists(file))
    throw Error(fmt::format("{} is missing", file.string()),
                "a raw dataset holds dataset.json, imagesTr, labelsTr");
  const Json json = read_json(file);
  Dataset dataset{root, parse_dataset_info(json, folder_name(root), file.string()), {}};
  const auto channels = dataset.info.channel_names.size();
  if (json.contains("dataset")) {
    dataset.training = with_context(file.string(), [&] {
      return cases_from_json(json["dataset"], root, channels, dataset.info.file_ending);
    });
    require_files(dataset.training);
  } else {
    dataset.training = list_cases(root / "imagesTr", channels, dataset.info.file_ending);
    for (Case& one : dataset.training) one.label = root / "labelsTr" / (one.id + dataset.info.label_ending());
    require_files(dataset.training);
  }
  return dataset;
}

void check_label_values(const Labels& labels, const DatasetInfo& info, const std::string& name) {
  std::set<int> expected;
  for (const auto& label : info.labels) expected.insert(label.values.begin(), label.values.end());
  const int highest = *expected.rbegin();  // values are consecutive from 0
  for (std::int64_t i = 0; i < labels.count(); ++i) {
    const std::int32_t value = labels.data[static_cast<std::size_t>(i)];
    if (value >= 0 && value <= highest) continue;
    const auto [c, z, y, x] = labels.shape;
    throw Error(fmt::format("{}: label value {} at voxel (z {}, y {}, x {}), expected one of {}", name, value,
                            i / (y * x) % z, i / x % y, i % x, fmt::join(expected, ", ")),
                "correct the label file or add the label to dataset.json");
  }
}

void copy_descriptions(const fs::path& from, const fs::path& to) {
  for (const char* name : {"dataset.json", "plans.json"})
    if (fs::exists(from / name)) copy_atomically(from / name, to / name);
}

fs::path find_dataset(const fs::path& root, const std::string& id_or_name) {
  if (!fs::is_directory(root)) fail("folder {} does not exist", root.string());
  const auto wanted_id = whole_number(id_or_name);
  std::vector<std::string> known, matches;
  for (const auto& entry : fs::directory_iterator(root)) {
    const std::string folder = entry.path().filename().string();
    const auto underscore = folder.find('_');
    if (!entry.is_directory() || !folder.starts_with("Dataset") || underscore == std::string::npos) continue;
    const auto id = whole_number(std::string_view(folder).substr(7, underscore - 7));
    if (!id) continue;
    known.push_back(folder);
    if (folder == id_or_name || folder.substr(underscore + 1) == id_or_name ||
        (wanted_id && *id == *wanted_id))
      matches.push_back(folder);
  }
  if (matches.size() == 1) return root / matches[0];
  std::sort(known.begin(), known.end());
  std::sort(matches.begin(), matches.end());
  if (matches.empty()) {
    throw Error(fmt::format("no dataset \"{}\" in {}", id_or_name, root.string()),
                known.empty() ? "folders of datasets are named Dataset001_Name"
                              : fmt::format("there are: {}", fmt::join(known, ", ")));
  }
  fail("dataset \"{}\" is ambiguous in {}: {}", id_or_name, root.string(), fmt::join(matches, ", "));
}

}  // namespace seg
