// The check of a raw dataset, which finds all of its problems in one run, and a repaired copy.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json_fwd.h"
#include "image/volume.h"

namespace seg {

enum class Severity { error, warning };  ///< errors keep training from starting

/// One problem.
struct Finding {
  Severity severity = Severity::error;
  std::string file;     ///< relative to the dataset's folder
  std::string problem;  ///< in words
  std::string repair;   ///< what a repaired copy does about it; empty where nothing is safe
};

/// What a repaired copy changes in one file.
struct FileChange {
  std::string new_name;              ///< relative to the dataset's folder; empty keeps the name
  bool as_plain_picture = false;     ///< without alpha channel or palette
  std::map<int, int> values;         ///< labels: old value, new value
  std::optional<Geometry> geometry;  ///< replaces the file's
};

struct Diagnosis {
  fs::path root;
  std::vector<Finding> findings;              ///< errors first; dataset.json, then names, then contents
  std::size_t cases = 0;                      ///< training cases
  std::string dataset_json;                   ///< repaired; empty where it cannot be read
  std::map<std::string, FileChange> changes;  ///< by file, relative to the dataset's folder

  std::size_t count(Severity severity) const;
};

/// Checks dataset.json, the names of all files, and the contents of every training case (in parallel, with a
/// progress bar). Problems become findings; throws Error only where `root` is no folder.
Diagnosis diagnose(const fs::path& root);

/// Writes a copy of the dataset with everything repaired that has a repair; the source is not touched.
/// Throws Error where `target` exists with contents or lies in the source, and where the dataset's "dataset"
/// list names files outside of it.
void repair_dataset(const Diagnosis& diagnosis, const fs::path& target);

Json to_json(const Diagnosis& diagnosis);

}  // namespace seg
