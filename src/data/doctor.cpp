#include "data/doctor.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <limits>

#include "base/error.h"
#include "base/json.h"
#include "data/doctor_parts.h"
#include "data/raw_case.h"
#include "data/splits.h"

namespace seg {
namespace {

constexpr std::uint64_t kUnknownCount =
    std::numeric_limits<std::int64_t>::max();  // of training cases, where dataset.json does not say

std::string text_of(const Error& error) {
  return error.hint().empty() ? error.what() : fmt::format("{} ({})", error.what(), error.hint());
}

/// dataset.json as it should be, and as it is understood; nothing where it cannot be.
std::optional<DatasetInfo> check_json(Json& json, DatasetCheck& check) {
  const fs::path file = check.root / "dataset.json";
  const std::string name = folder_name(check.root);
  try {
    if (!fs::exists(file)) fail("the file is missing; a raw dataset holds dataset.json, imagesTr, labelsTr");
    json = read_json(file);
    for (const auto& key : repeated_keys(read_text(file)))
      check.complain(Severity::error, "dataset.json",
                     fmt::format("\"{}\" is there twice, of which only the last counts", key));
    check.renumber =
        repair_dataset_json(json, check.root, [&](const std::string& problem, const std::string& repair) {
          check.complain(Severity::error, "dataset.json", problem, repair);
        });
    if (json.is_object() && (!json.contains("numTraining") || !json["numTraining"].is_number_unsigned())) {
      check.complain(Severity::error, "dataset.json", "numTraining is missing or not a whole number",
                     "the training cases are counted");
      json["numTraining"] = kUnknownCount;
    }
    return parse_dataset_info(json, name, "dataset.json");
  } catch (const Error& error) {
    check.complain(Severity::error, "dataset.json", text_of(error));
    return std::nullopt;
  }
}

void check_count(Json& json, DatasetCheck& check, std::size_t cases) {
  const auto written = json["numTraining"].get<std::uint64_t>();
  if (written != cases && written != kUnknownCount)
    check.complain(Severity::error, "dataset.json",
                   fmt::format("numTraining is {}, but there are {} training cases", written, cases),
                   fmt::format("it becomes {}", cases));
  json["numTraining"] = cases;
  if (cases < kFolds)
    check.complain(
        Severity::warning, "dataset.json",
        fmt::format("{} training cases are too few for {} folds; train with -f all", cases, kFolds));
}

/// What no single case shows: classes that never occur.
void check_classes(const DatasetInfo& info, const std::vector<CaseCheck>& cases, DatasetCheck& check) {
  std::set<int> seen;
  bool labelled = false;
  for (const CaseCheck& one : cases) {
    seen.insert(one.values.begin(), one.values.end());
    labelled = labelled || !one.values.empty();
  }
  if (!labelled) return;
  const auto foreground = info.foreground();
  const auto occurs = [&](const LabelEntry& label) {
    return std::any_of(label.values.begin(), label.values.end(),
                       [&](int value) { return seen.contains(value); });
  };
  if (std::none_of(foreground.begin(), foreground.end(), occurs))
    return check.complain(Severity::error, "labelsTr", "no label file has any voxel above background");
  for (const LabelEntry& label : foreground)
    if (!occurs(label))
      check.complain(
          Severity::warning, "labelsTr",
          fmt::format("label \"{}\" ({}) occurs in no case", label.name, fmt::join(label.values, ", ")));
}

/// The references of the test cases, which follow dataset.json like those of the training cases.
std::vector<Case> test_references(const DatasetInfo& info, const DatasetCheck& check) {
  std::vector<Case> cases;
  const fs::path folder = check.root / "labelsTs";
  if (!fs::is_directory(folder)) return cases;
  for (const auto& file : list_files(folder, info.label_ending()))
    cases.push_back({check.relative(file), {}, file});
  return cases;
}

}  // namespace

void DatasetCheck::complain(Severity severity, const std::string& file, const std::string& problem,
                            const std::string& repair) {
  findings.push_back({severity, file, problem, repair});
}

std::string DatasetCheck::relative(const fs::path& file) const {
  return file.lexically_relative(root).string();
}

std::size_t Diagnosis::count(Severity severity) const {
  return static_cast<std::size_t>(
      std::count_if(findings.begin(), findings.end(),
                    [&](const Finding& finding) { return finding.severity == severity; }));
}

Diagnosis diagnose(const fs::path& root) {
  if (!fs::is_directory(root)) fail("dataset folder {} does not exist", root.string());
  DatasetCheck check;
  check.root = root;
  Diagnosis diagnosis;
  diagnosis.root = root;
  Json json;
  const auto info = check_json(json, check);
  if (info) {
    std::vector<Case> cases = list_for_check(json, *info, check);
    diagnosis.cases = cases.size();
    check_count(json, check, cases.size());
    diagnosis.dataset_json = to_text(json);
    std::ranges::move(test_references(*info, check), std::back_inserter(cases));
    std::vector<CaseCheck> checked(cases.size());
    for_each_case("check", cases, [&](std::size_t i) { checked[i] = check_case(cases[i], *info, check); });
    for (std::size_t i = 0; i < checked.size(); ++i) {
      CaseCheck& one = checked[i];
      const bool test = i >= diagnosis.cases;  // does not keep training from starting
      for (Finding& finding : one.findings) finding.severity = test ? Severity::warning : finding.severity;
      std::move(one.findings.begin(), one.findings.end(), std::back_inserter(check.findings));
      for (auto& [file, change] : one.changes) {
        change.new_name = check.changes[file].new_name;
        check.changes[file] = std::move(change);
      }
    }
    checked.resize(diagnosis.cases);
    check_classes(*info, checked, check);
  }
  std::stable_partition(check.findings.begin(), check.findings.end(),
                        [](const Finding& finding) { return finding.severity == Severity::error; });
  diagnosis.findings = std::move(check.findings);
  diagnosis.changes = std::move(check.changes);
  return diagnosis;
}

Json to_json(const Diagnosis& diagnosis) {
  Json findings = Json::array();
  for (const Finding& finding : diagnosis.findings)
    findings.push_back({{"severity", finding.severity == Severity::error ? "error" : "warning"},
                        {"file", finding.file},
                        {"problem", finding.problem},
                        {"repair", finding.repair.empty() ? Json() : Json(finding.repair)}});
  const std::size_t errors = diagnosis.count(Severity::error);
  return {{"dataset", diagnosis.root.string()},
          {"cases", diagnosis.cases},
          {"errors", errors},
          {"warnings", diagnosis.count(Severity::warning)},
          {"can_train", errors == 0},
          {"findings", findings}};
}

}  // namespace seg
