#include "app/options.h"

#include <CLI/CLI.hpp>

#include <cstdio>

#include "base/error.h"
#include "base/log.h"
#include "base/threads.h"

namespace seg {

void add_common_options(CLI::App& app) {
  app.add_flag_callback(
      "-q,--quiet", [] { set_quiet(true); }, "no notes and no progress bar");
  app.add_option_function<int>("--threads", set_thread_count, "threads to use (default: all cores)")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
}

void add_folder_options(CLI::App& app, DataFolders& folders, bool raw, bool preprocessed, bool results) {
  const auto add = [&app](const char* option, const char* variable, const char* what, fs::path& value) {
    app.add_option(option, value, what)->envname(variable)->required()->type_name("FOLDER");
  };
  if (raw) add("--raw", "nnUNet_raw", "raw datasets", folders.raw);
  if (preprocessed)
    add("--preprocessed", "nnUNet_preprocessed", "plans and preprocessed cases", folders.preprocessed);
  if (results) add("--results", "nnUNet_results", "trained models", folders.results);
}

void add_dataset_option(CLI::App& app, std::string& dataset) {
  app.add_option("-d,--dataset", dataset, "dataset id (4) or name (Dataset004_Hippocampus)")
      ->required()
      ->type_name("DATASET");
}

std::array<std::int64_t, 2> parse_patch_size(const std::string& text, std::string_view option) {
  std::array<std::int64_t, 2> size{};
  char x = 0, rest = 0;
  if (std::sscanf(text.c_str(), "%ld%c%ld%c", &size[0], &x, &size[1], &rest) != 3 || x != 'x' ||
      size[0] < 1 || size[1] < 1) {
    fail_usage("{}: expected HEIGHTxWIDTH such as 320x256, got \"{}\"", option, text);
  }
  return size;
}

}  // namespace seg
