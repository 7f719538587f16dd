// Options that several commands share.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "data/dataset.h"

namespace CLI {
class App;
}

namespace seg {

/// --quiet and --threads; applied as soon as they are parsed.
void add_common_options(CLI::App& app);

/// --raw, --preprocessed, --results with nnU-Net's environment variables as defaults.
void add_folder_options(CLI::App& app, DataFolders& folders, bool raw, bool preprocessed, bool results);

/// -d/--dataset: an id or a name.
void add_dataset_option(CLI::App& app, std::string& dataset);

/// "320x256" of an option -> (height, width). Throws a usage Error for anything else.
std::array<std::int64_t, 2> parse_patch_size(const std::string& text,
                                             std::string_view option = "--patch-size");

}  // namespace seg
