// A repaired copy of a dataset.
#include <algorithm>

#include "base/error.h"
#include "base/progress.h"
#include "base/threads.h"
#include "data/doctor.h"
#include "image/image_io.h"

namespace seg {
namespace {

void write_changed_label(const fs::path& from, const fs::path& to, const FileChange& change) {
  LoadedLabels labels = read_labels(from);
  if (!change.values.empty()) {
    for (auto& value : labels.voxels.data) {
      const auto found = change.values.find(value);
      if (found != change.values.end()) value = found->second;
    }
  }
  write_labels(to, labels.voxels, change.geometry.value_or(labels.geometry));
}

void write_changed_image(const fs::path& from, const fs::path& to, const FileChange& change) {
  std::vector<std::string> told_already;
  const LoadedImage image = read_image(from, &told_already);
  if (!change.as_plain_picture)
    return write_image(to, image.voxels, change.geometry.value_or(image.geometry));
  if (image.voxels.channels() == 3) return write_rgb_png(to, image.voxels);
  Labels grey(image.voxels.shape);
  std::transform(image.voxels.data.begin(), image.voxels.data.end(), grey.data.begin(),
                 [](float value) { return static_cast<std::int32_t>(value); });
  write_labels(to, grey, image.geometry);
}

void write_repaired(const fs::path& from, const fs::path& to, const FileChange& change, bool is_label) {
  const bool same_contents = !change.as_plain_picture && change.values.empty() && !change.geometry;
  if (same_contents) {
    copy_atomically(from, to);
  } else if (is_label) {
    write_changed_label(from, to, change);
  } else {
    write_changed_image(from, to, change);
  }
}

/// All files of a dataset, relative to its folder; hidden ones are left out.
std::vector<fs::path> files_below(const fs::path& root) {
  std::vector<fs::path> files;
  for (auto entry = fs::recursive_directory_iterator(root); entry != fs::recursive_directory_iterator();
       ++entry) {
    if (entry->path().filename().string().starts_with('.')) {
      if (entry->is_directory()) entry.disable_recursion_pending();
    } else if (entry->is_regular_file()) {
      files.push_back(entry->path().lexically_relative(root));
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

void repair_dataset(const Diagnosis& diagnosis, const fs::path& target) {
  if (diagnosis.dataset_json.empty())
    fail("{} cannot be repaired", (diagnosis.root / "dataset.json").string());
  if (fs::exists(target) && !fs::is_empty(target))
    throw Error(fmt::format("{} exists already", target.string()),
                "choose a new folder for the repaired copy");
  const fs::path inside =
      fs::weakly_canonical(target).lexically_relative(fs::weakly_canonical(diagnosis.root));
  if (!inside.empty() && *inside.begin() != "..") fail("{} lies in the dataset itself", target.string());
  for (const auto& [file, change] : diagnosis.changes)
    if (file.starts_with("..")) fail("{} lies outside of the dataset and cannot be repaired in a copy", file);

  std::vector<fs::path> files = files_below(diagnosis.root);
  std::erase(files, fs::path("dataset.json"));  // written last: it makes the copy complete
  make_folder(target);
  for (const fs::path& file : files) make_folder((target / file).parent_path());
  Progress progress("copy", std::ssize(files), "file");
  parallel_for(std::ssize(files), [&](std::int64_t i) {
    const fs::path& file = files[static_cast<std::size_t>(i)];
    const auto found = diagnosis.changes.find(file.string());
    const FileChange change = found == diagnosis.changes.end() ? FileChange{} : found->second;
    const bool is_label = file.begin()->string().starts_with("labels") || !change.values.empty();
    const fs::path name = change.new_name.empty() ? file : fs::path(change.new_name);
    with_context("copy " + file.string(),
                 [&] { write_repaired(diagnosis.root / file, target / name, change, is_label); });
    progress.advance();
  });
  write_text(target / "dataset.json", diagnosis.dataset_json);
}

}  // namespace seg
