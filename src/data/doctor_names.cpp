// The names of a dataset's files: which case and channel each belongs to, and which are missing or too many.
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "data/doctor_parts.h"
#include "image/image_io.h"

namespace seg {
namespace {

/// Files of a folder by name without the ending; nothing for a folder that is not there.
std::map<std::string, fs::path> by_stem(const fs::path& folder, const std::string& ending) {
  std::map<std::string, fs::path> found;
  if (!fs::is_directory(folder)) return found;
  for (const fs::path& file : list_files(folder, ending)) {
    const std::string name = file.filename().string();
    found[name.substr(0, name.size() - ending.size())] = file;
  }
  return found;
}

/// The files of a case by channel.
using Group = std::map<int, fs::path>;

class NameCheck {
 public:
  NameCheck(const DatasetInfo& info, DatasetCheck& check)
      : info_(info), check_(check), labels_(by_stem(check.root / "labelsTr", info.label_ending())) {}

  std::vector<Case> run() {
    for (const char* folder : {"imagesTr", "labelsTr"})
      if (!fs::is_directory(check_.root / folder)) error(check_.root / folder, "the folder is missing");
    const auto groups = group("imagesTr");
    strip_channel_of_labels(groups);
    std::vector<Case> cases;
    for (const auto& [id, files] : groups) {
      Case one{id, complete(id, files, Severity::error), {}};
      const auto label = labels_.find(id);
      if (label != labels_.end()) one.label = label->second;
      if (label == labels_.end())
        error(check_.root / "labelsTr" / (id + info_.label_ending()), "the label of the case is missing");
      if (!one.images.empty()) cases.push_back(std::move(one));
    }
    for (const auto& [id, file] : labels_)
      if (!groups.contains(id)) warning(file, "there is no image of this label in imagesTr; it is not used");
    check_other_files(groups);
    if (groups.empty())
      error(check_.root / "imagesTr", fmt::format("no image ends in {}", info_.file_ending));
    check_test_images([&](const std::string& id) { return groups.contains(id); });
    return cases;
  }

  /// `is_training` tells whether a training case has an identifier.
  void check_test_images(const std::function<bool(const std::string&)>& is_training) {
    for (const auto& [id, files] : group("imagesTs")) {
      complete(id, files, Severity::warning);
      if (is_training(id)) warning(files.begin()->second, "a training case has the same identifier");
    }
  }

 private:
  void error(const fs::path& file, const std::string& problem, const std::string& repair = {}) {
    check_.complain(Severity::error, check_.relative(file), problem, repair);
  }
  void warning(const fs::path& file, const std::string& problem) {
    check_.complain(Severity::warning, check_.relative(file), problem);
  }
  void rename(const fs::path& file, const std::string& stem, const std::string& ending) {
    check_.changes[check_.relative(file)].new_name = check_.relative(file.parent_path() / (stem + ending));
  }

  /// True for an image that has the whole name of a label. (Where that is case_0000 alone, it is the label's
  /// name that has a number too many.)
  bool lacks_channel(const std::string& stem, const std::optional<std::pair<std::string, int>>& part) const {
    if (!part) return true;
    if (!labels_.contains(stem) || labels_.contains(part->first)) return false;
    return part->second != 0 || labels_.contains(part->first + "_0001");
  }

  /// Sorts images by case and channel.
  std::map<std::string, Group> group(const std::string& folder) {
    std::map<std::string, Group> groups;
    for (const auto& [stem, file] : by_stem(check_.root / folder, info_.file_ending)) {
      const auto part = split_channel(file.filename().string(), info_.file_ending);
      if (!lacks_channel(stem, part)) {
        groups[part->first][part->second] = file;
        continue;
      }
      const bool one_file = info_.channel_names.size() == 1 || !is_volume_ending(info_.file_ending);
      const std::string problem = "the name does not end in a channel number, such as _0000";
      const fs::path taken = file.parent_path() / (stem + "_0000" + info_.file_ending);
      if (!one_file || groups.contains(stem) || fs::exists(taken)) {
        error(file, problem);
        continue;
      }
      const std::string name = stem + "_0000";
      error(file, problem, fmt::format("it is renamed to {}{}", name, info_.file_ending));
      rename(file, name, info_.file_ending);
      groups[stem][0] = file;
    }
    std::map<std::string, std::string> lower;
    for (const auto& [id, files] : groups) {
      std::string key = id;
      std::transform(key.begin(), key.end(), key.begin(), [](unsigned char c) { return std::tolower(c); });
      const auto [same, is_new] = lower.emplace(key, id);
      if (!is_new)
        warning(files.begin()->second,
                fmt::format("the identifiers {} and {} differ in capitals only", same->second, id));
    }
    return groups;
  }

  /// The images of a case in order of channels; empty where some are missing.
  std::vector<fs::path> complete(const std::string& id, const Group& files, Severity severity) {
    const std::size_t needed = files_per_case(info_.channel_names.size(), files.size(), info_.file_ending);
    const int first = files.begin()->first;
    std::vector<fs::path> images;
    if (first == 1 && files.size() == needed && files.rbegin()->first == static_cast<int>(needed)) {
      for (const auto& [channel, file] : files) {  // counted from 1
        const std::string name = fmt::format("{}_{:04}", id, channel - 1);
        check_.complain(severity, check_.relative(file), "channels are counted from 1, expected from 0",
                        fmt::format("it is renamed to {}{}", name, info_.file_ending));
        rename(file, name, info_.file_ending);
        images.push_back(file);
      }
      return images;
    }
    for (int channel = 0; channel < static_cast<int>(needed); ++channel) {
      const auto found = files.find(channel);
      if (found != files.end()) {
        images.push_back(found->second);
        continue;
      }
      const fs::path file =
          files.begin()->second.parent_path() / fmt::format("{}_{:04}{}", id, channel, info_.file_ending);
      check_.complain(severity, check_.relative(file),
                      fmt::format("channel {} of the case is missing", channel));
    }
    for (const auto& [channel, file] : files)
      if (channel >= static_cast<int>(needed))
        check_.complain(severity, check_.relative(file),
                        fmt::format("channel {} is one too many: channel_names has {}", channel,
                                    info_.channel_names.size()));
    if (images.size() < needed) images.clear();
    return images;
  }

  /// Labels have no channel number.
  void strip_channel_of_labels(const std::map<std::string, Group>& groups) {
    for (const auto& [stem, file] : std::map(labels_)) {
      const auto part = split_channel(file.filename().string(), info_.label_ending());
      if (!part || part->second != 0 || groups.contains(stem) || !groups.contains(part->first) ||
          labels_.contains(part->first))
        continue;
      error(file, "the name of a label has no channel number",
            fmt::format("it is renamed to {}{}", part->first, info_.label_ending()));
      rename(file, part->first, info_.label_ending());
      labels_.erase(stem);
      labels_[part->first] = file;
    }
  }

  /// Images of another ending are not read; one that has the name of a case is there twice.
  void check_other_files(const std::map<std::string, Group>& groups) {
    const fs::path folder = check_.root / "imagesTr";
    if (!fs::is_directory(folder)) return;
    for (const fs::path& file : list_files(folder)) {
      const std::string name = file.filename().string();
      if (name.ends_with(info_.file_ending)) continue;
      for (const std::string_view ending : kImageEndings) {
        if (!name.ends_with(ending)) continue;
        const auto part = split_channel(name, ending);
        warning(file, part && groups.contains(part->first)
                          ? fmt::format("the case {} is there a second time with another ending", part->first)
                          : fmt::format("it is not used: file_ending is {}", info_.file_ending));
        break;
      }
    }
  }

  const DatasetInfo& info_;
  DatasetCheck& check_;
  std::map<std::string, fs::path> labels_;
};

/// Cases of the "dataset" key: {case: {images: [...], label}}.
std::vector<Case> list_named_cases(const Json& list, const DatasetInfo& info, DatasetCheck& check) {
  std::vector<Case> cases;
  std::map<fs::path, std::string> owner;
  for (const auto& [id, entry] : list.items()) {
    Case one{id, {}, {}};
    try {
      for (const auto& image : get<std::vector<std::string>>(entry, "images"))
        one.images.push_back(check.root / image);
      one.label = check.root / get<std::string>(entry, "label");
    } catch (const Error& error) {
      check.complain(Severity::error, "dataset.json",
                     fmt::format("dataset: case \"{}\": {}", id, error.what()));
      continue;
    }
    const std::size_t needed = files_per_case(info.channel_names.size(), one.images.size(), info.file_ending);
    bool usable = one.images.size() == needed;
    if (!usable)
      check.complain(
          Severity::error, "dataset.json",
          fmt::format("dataset: case \"{}\" has {} images, expected {}", id, one.images.size(), needed));
    std::vector<fs::path> files = one.images;
    files.push_back(one.label);
    for (const fs::path& file : files) {
      const auto [other, is_new] = owner.emplace(file.lexically_normal(), id);
      if (!is_new)
        check.complain(Severity::error, check.relative(file),
                       fmt::format("belongs to the cases {} and {} of dataset.json", other->second, id));
      if (fs::exists(file)) continue;
      check.complain(Severity::error, check.relative(file),
                     fmt::format("a file of the case {} is missing", id));
      usable = false;
    }
    if (usable) cases.push_back(std::move(one));
  }
  return cases;
}

}  // namespace

std::vector<Case> list_for_check(const Json& json, const DatasetInfo& info, DatasetCheck& check) {
  if (!json.contains("dataset")) return NameCheck(info, check).run();
  const Json& list = json["dataset"];
  NameCheck(info, check).check_test_images([&](const std::string& id) { return list.contains(id); });
  return list_named_cases(list, info, check);
}

}  // namespace seg
