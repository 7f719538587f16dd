// What the conversions of datasets share. Internal.
#pragma once
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "data/convert.h"

namespace seg {

/// Throws Error unless `name` is a dataset's name that is still free in `raw`.
void require_new_dataset(const fs::path& raw, const std::string& name);

/// Writes dataset.json, which makes the dataset complete.
void write_dataset_json(const ConvertedDataset& made, const Json& channel_names, const Json& labels,
                        const std::string& file_ending);

/// Copies a file byte by byte.
void copy_whole(const fs::path& from, const fs::path& to);

}  // namespace seg
