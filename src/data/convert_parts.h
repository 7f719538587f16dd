// What the conversions of datasets share. Internal.
#pragma once
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "data/convert.h"

namespace seg {

/// A case of the source and where its files lie; no label for test cases.
struct SourceCase {
  std::string id;
  fs::path image, label;
};

/// Throws Error unless `name` is a dataset's name that is still free in `raw`.
void require_new_dataset(const fs::path& raw, const std::string& name);

/// Writes dataset.json, which makes the dataset complete.
void write_dataset_json(const ConvertedDataset& made, const Json& channel_names, const Json& labels,
                        const std::string& file_ending);

}  // namespace seg
