#include "infer/postprocess.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "base/pickle_writer.h"
#include "data/raw_case.h"
#include "image/components.h"
#include "image/image_io.h"

namespace seg {
namespace {

constexpr const char* kFunction = "remove_all_but_largest_component_from_segmentation";
constexpr const char* kModule = "nnunetv2.postprocessing.remove_connected_components";
constexpr const char* kArgument = "labels_or_regions";

/// 2 for a label, [1, 2] for a region.
Json label_or_region(const std::vector<int>& values) {
  return values.size() == 1 ? Json(values[0]) : Json(values);
}

std::vector<int> label_or_region(const Json& json) {
  if (json.is_number_integer()) return {json.get<int>()};
  if (!json.is_array() || json.empty() ||
      !std::ranges::all_of(json, [](const Json& value) { return value.is_number_integer(); }))
    fail("{}: expected a label or a list of labels, got {}", kArgument, json.dump().substr(0, 80));
  return json.get<std::vector<int>>();
}

Json arguments(const KeepLargest& step) {
  Json list = Json::array();
  for (const auto& values : step.as_written) list.push_back(label_or_region(values));
  return {{kArgument, step.single ? list[0] : list}};
}

KeepLargest parse_step(const Json& function, const Json& json) {
  if (function != kFunction) fail("postprocessing function {} is not known", function.dump());
  const Json what = get<Json>(json, kArgument);
  if (!what.is_array()) return KeepLargest({label_or_region(what)}, true);
  std::vector<std::vector<int>> parts;
  for (const Json& part : what) parts.push_back(label_or_region(part));
  if (parts.empty()) fail("{}: expected at least one label", kArgument);
  return KeepLargest(parts);
}

}  // namespace

KeepLargest::KeepLargest(std::vector<std::vector<int>> labels_or_regions, bool one)
    : as_written(std::move(labels_or_regions)), single(one) {
  std::set<int> all;
  for (const auto& part : as_written) all.insert(part.begin(), part.end());
  values.assign(all.begin(), all.end());
}

std::string to_words(const KeepLargest& step) {
  return step.values.size() == 1 ? fmt::format("label {}", step.values[0])
                                 : fmt::format("labels {} together", fmt::join(step.values, ", "));
}

void apply(const KeepLargest& step, Labels& labels) {
  std::vector<std::uint8_t> mask(labels.data.size());
  for (std::size_t i = 0; i < mask.size(); ++i)
    mask[i] = std::ranges::find(step.values, labels.data[i]) != step.values.end() ? 1 : 0;
  const auto parts = find_components(std::span<const std::uint8_t>(mask), labels.space(), Connectivity::full);
  if (parts.count() < 2) return;
  const std::int64_t largest = *std::max_element(parts.sizes.begin() + 1, parts.sizes.end());
  for (std::size_t i = 0; i < mask.size(); ++i) {
    if (mask[i] != 0 && parts.sizes[static_cast<std::size_t>(parts.ids[i])] < largest) labels.data[i] = 0;
  }
}

Json to_json(const std::vector<KeepLargest>& steps) {
  Json functions = Json::array(), all_arguments = Json::array();
  for (const auto& step : steps) {
    functions.push_back(kFunction);
    all_arguments.push_back(arguments(step));
  }
  return {{"postprocessing_fns", functions}, {"postprocessing_kwargs", all_arguments}};
}

std::vector<KeepLargest> postprocessing_from_json(const Json& json) {
  const Json functions = get<Json>(json, "postprocessing_fns");
  const Json all_arguments = get<Json>(json, "postprocessing_kwargs");
  if (!functions.is_array() || !all_arguments.is_array() || functions.size() != all_arguments.size())
    fail("postprocessing_fns and postprocessing_kwargs: expected two lists of one length");
  std::vector<KeepLargest> steps;
  for (std::size_t i = 0; i < functions.size(); ++i)
    steps.push_back(parse_step(functions[i], all_arguments[i]));
  return steps;
}

std::vector<KeepLargest> read_postprocessing(const fs::path& path) {
  const fs::path file = path.extension() == ".pkl" ? fs::path(path).replace_extension(".json") : path;
  const Json json = read_json(file);
  return with_context(file.string(), [&] { return postprocessing_from_json(json); });
}

std::string to_pickle(const std::vector<KeepLargest>& steps) {
  PickleWriter writer;
  writer.begin();
  writer.begin();
  for (std::size_t i = 0; i < steps.size(); ++i) writer.global(kModule, kFunction);
  writer.end_list();
  writer.begin();
  for (const auto& step : steps) writer.value(arguments(step));
  writer.end_list();
  writer.end_tuple();
  return std::move(writer).finish();
}

void postprocess_folder(const fs::path& folder, const fs::path& output, const std::string& file_ending,
                        const std::vector<KeepLargest>& steps) {
  std::vector<Case> cases;
  for (const auto& file : list_files(folder, file_ending))
    cases.push_back({file.filename().string(), {file}, {}});
  if (cases.empty()) fail("no {} file in {}", file_ending, folder.string());
  make_folder(output);
  copy_descriptions(folder, output);
  for_each_case("postprocess", cases, [&](std::size_t i) {
    LoadedLabels labels = read_labels(cases[i].images[0]);
    for (const auto& step : steps) apply(step, labels.voxels);
    write_labels(output / cases[i].id, labels.voxels, labels.geometry);
  });
}

}  // namespace seg
