#include "data/doctor_parts.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/json.h"
#include "base/suggest.h"
#include "base/whole_number.h"
#include "image/image_io.h"

namespace seg {
namespace {

/// The same object with one key renamed in place.
void rename_key(Json& json, const std::string& from, const std::string& to) {
  Json renamed = Json::object();
  for (const auto& [key, value] : json.items()) renamed[key == from ? to : key] = value;
  json = renamed;
}

/// True for an object that says the wrong way round what is a name and what a number.
bool is_inverted(const Json& json, bool names_are_keys) {
  if (!json.is_object() || json.empty()) return false;
  return std::all_of(json.items().begin(), json.items().end(), [&](const auto& item) {
    const bool number_first = whole_number(item.key()).has_value();
    return names_are_keys ? number_first && item.value().is_string() &&
                                !whole_number(item.value().template get<std::string>())
                          : !number_first && item.value().is_number_unsigned();
  });
}

void repair_keys(Json& json, const Complain& complain) {
  if (json.contains("modality") && !json.contains("channel_names")) {
    complain("key \"modality\" of the old format, expected \"channel_names\"", "it is renamed");
    rename_key(json, "modality", "channel_names");
  }
  for (const std::string key : {"channel_names", "labels", "numTraining", "file_ending"}) {
    if (json.contains(key)) continue;
    std::vector<std::string> present;
    for (const auto& item : json.items()) present.push_back(item.key());
    const std::string closest = closest_word(key, present);
    if (closest.empty()) continue;
    complain(fmt::format("key \"{}\" is missing, but there is \"{}\"", key, closest), "it is renamed");
    rename_key(json, closest, key);
  }
}

void repair_orientation(Json& json, const Complain& complain) {
  if (json.contains("channel_names") && is_inverted(json["channel_names"], false)) {
    complain("channel_names says {name: index}, expected {\"index\": name}", "it is turned round");
    Json turned = Json::object();
    for (const auto& [name, index] : json["channel_names"].items()) turned[index.dump()] = name;
    json["channel_names"] = turned;
  }
  if (!json.contains("labels")) return;
  if (is_inverted(json["labels"], true)) {
    complain("labels says {value: name}, expected {name: value}", "it is turned round");
    Json turned = Json::object();
    for (const auto& [value, name] : json["labels"].items())
      turned[name.get<std::string>()] = whole_number(value).value();
    json["labels"] = turned;
  }
  if (!json["labels"].is_object()) return;
  for (auto& [name, value] : json["labels"].items()) {
    if (!value.is_string() || !whole_number(value.get<std::string>())) continue;
    complain(fmt::format("label \"{}\" has the text {} for a value", name, value.dump()),
             "it becomes a number");
    value = *whole_number(value.get<std::string>());
  }
}

/// The known ending that most files in imagesTr have.
std::string common_ending(const fs::path& folder) {
  std::map<std::string, int> counts;
  for (const fs::path& file : fs::is_directory(folder) ? list_files(folder) : std::vector<fs::path>{}) {
    const auto found = std::find_if(kImageEndings.begin(), kImageEndings.end(), [&](std::string_view ending) {
      return file.filename().string().ends_with(ending);
    });
    if (found != kImageEndings.end()) ++counts[std::string(*found)];
  }
  const auto most = std::max_element(counts.begin(), counts.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == counts.end() ? "" : most->first;
}

void repair_ending(Json& json, const fs::path& root, const Complain& complain) {
  const auto known = [](const std::string& ending) {
    return std::find(kImageEndings.begin(), kImageEndings.end(), ending) != kImageEndings.end();
  };
  const bool missing = !json.contains("file_ending");
  if (!missing && !json["file_ending"].is_string()) return;
  const auto written = missing ? std::string() : json["file_ending"].get<std::string>();
  if (known(written)) return;
  const std::string right = known("." + written) ? "." + written : common_ending(root / "imagesTr");
  if (right.empty()) return;
  complain(missing ? std::string("key \"file_ending\" is missing")
                   : fmt::format("file_ending \"{}\" is none that can be read", written),
           fmt::format("\"{}\", as the files in imagesTr have it", right));
  json["file_ending"] = right;
}

void repair_background(Json& labels, const Complain& complain) {
  if (labels.contains("background")) return;
  for (const auto& [name, value] : labels.items()) {
    if (value != 0) continue;
    complain(fmt::format("the label of value 0 is called \"{}\", expected \"background\"", name),
             "it is renamed");
    return rename_key(labels, std::string(name), "background");
  }
  complain("labels has no \"background\" of value 0", "it is added");
  labels["background"] = 0;
}

/// Every value of the labels; nothing where one is no whole number.
std::optional<std::set<int>> label_values(const Json& labels) {
  std::set<int> values;
  for (const auto& item : labels.items()) {
    const Json list = item.value().is_array() ? item.value() : Json::array({item.value()});
    for (const Json& value : list) {
      if (!value.is_number_unsigned() || value > 65534) return std::nullopt;
      values.insert(value.get<int>());
    }
  }
  return values;
}

/// Consecutive values from 0, the ignore label last.
std::map<int, int> renumber(Json& json, const Complain& complain) {
  Json& labels = json["labels"];
  auto values = label_values(labels);
  if (!values || labels["background"] != 0) return {};
  std::vector<int> order(values->begin(), values->end());
  if (labels.contains("ignore") && labels["ignore"].is_number()) {
    std::erase(order, labels["ignore"].get<int>());
    order.push_back(labels["ignore"].get<int>());
  }
  std::map<int, int> changes;
  std::vector<std::string> told;
  for (std::size_t i = 0; i < order.size(); ++i) {
    changes[order[i]] = static_cast<int>(i);
    if (order[i] != static_cast<int>(i)) told.push_back(fmt::format("{} becomes {}", order[i], i));
  }
  if (told.empty()) return {};
  complain(fmt::format("labels: expected the values 0 to {} with the ignore label last, got {}",
                       order.size() - 1, fmt::join(*values, ", ")),
           fmt::format("{}, in the label files too", fmt::join(told, ", ")));
  const auto change = [&](Json& value) { value = changes.at(value.get<int>()); };
  for (auto& item : labels.items()) {
    if (item.value().is_array()) {
      for (Json& value : item.value()) change(value);
    } else {
      change(item.value());
    }
  }
  if (json.contains("regions_class_order") && json["regions_class_order"].is_array())
    for (Json& value : json["regions_class_order"])
      if (value.is_number_unsigned() && changes.contains(value.get<int>())) change(value);
  return changes;
}

}  // namespace

std::vector<std::string> repeated_keys(const std::string& text) {
  std::vector<std::string> repeated;
  std::vector<std::set<std::string>> open;  // the keys of the objects that are not at their end
  const auto look = [&](int, Json::parse_event_t event, const Json& parsed) {
    if (event == Json::parse_event_t::object_start) open.emplace_back();
    if (event == Json::parse_event_t::object_end) open.pop_back();
    if (event == Json::parse_event_t::key && !open.back().insert(parsed.get<std::string>()).second)
      repeated.push_back(parsed.get<std::string>());
    return true;
  };
  [[maybe_unused]] const Json whole = Json::parse(text, look, false);
  return repeated;
}

std::map<int, int> repair_dataset_json(Json& json, const fs::path& root, const Complain& complain) {
  if (!json.is_object()) return {};
  repair_keys(json, complain);
  repair_orientation(json, complain);
  repair_ending(json, root, complain);
  if (!json.contains("labels") || !json["labels"].is_object()) return {};
  repair_background(json["labels"], complain);
  return renumber(json, complain);
}

}  // namespace seg
