#include "weights/model_zip.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/scratch_folder.h"
#include "base/zip.h"

namespace seg {
namespace {

// Weights hardly get smaller in an archive: more than this is no honest one.
constexpr std::uint64_t kFreeBytes = std::uint64_t{64} << 20, kBytesPerByte = 16;
constexpr std::size_t kMaxEntries = 100'000, kMaxFileName = 255;
constexpr std::string_view kDataset = "Dataset";

bool is_control(char c) {
  return static_cast<unsigned char>(c) < ' ';
}

bool is_plain(std::string_view part) {
  const auto odd = [](char c) { return c == '\\' || is_control(c); };
  return !part.empty() && part.size() <= kMaxFileName && part != "." && part != ".." &&
         std::ranges::none_of(part, odd);
}

/// A name for a message: not too long, and nothing in it moves a terminal's cursor.
std::string shown(const ZipEntry& entry) {
  std::string name = entry.name.substr(0, kMaxFileName);
  std::ranges::replace_if(name, is_control, '?');
  return name;
}

/// "Dataset004_X/model/fold_0/debug.json" in its parts. Throws Error for all that is no plain way to a file
/// inside a dataset's folder.
std::vector<std::string> parts_of(const ZipEntry& entry) {
  std::vector<std::string> parts{""};
  for (const char c : entry.name) {
    if (c == '/') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  if (entry.link || !std::ranges::all_of(parts, is_plain))
    fail("the entry \"{}\" is {}", shown(entry), entry.link ? "a link" : "no plain path inside the archive");
  if (parts.size() < 2 || !parts[0].starts_with(kDataset)) {
    throw Error(fmt::format("the entry \"{}\" lies in no dataset's folder", shown(entry)),
                "expected what nnUNetv2_export_model_to_zip or `swin-umamba export --nnunet-zip` wrote: "
                "Dataset.../TRAINER__PLANS__CONFIGURATION/...");
  }
  return parts;
}

/// What is moved into place as one: a model's folder, or a file beside it.
struct Contents {
  std::vector<std::pair<ZipEntry, fs::path>> files;  ///< with their relative paths
  std::set<fs::path> units;                          ///< DATASET/MODEL, DATASET/file
  std::vector<fs::path> models;                      ///< those units that have plans
};

Contents check_contents(const std::vector<ZipEntry>& entries, std::uint64_t archive_size) {
  if (entries.size() > kMaxEntries) fail("it has {} entries", entries.size());
  Contents contents;
  std::set<std::string> names;
  std::uint64_t left = kFreeBytes + kBytesPerByte * archive_size;
  for (const auto& entry : entries) {
    if (entry.name.ends_with('/') && entry.size == 0) continue;  // a folder
    const auto parts = parts_of(entry);
    if (!names.insert(entry.name).second) fail("the entry {} stands twice", entry.name);
    if (entry.size > left) fail("its contents are far larger than its {} bytes", archive_size);
    left -= entry.size;
    contents.files.emplace_back(entry, entry.name);
    const fs::path unit = fs::path(parts[0]) / parts[1];
    contents.units.insert(unit);
    if (parts.size() == 3 && parts[2] == "plans.json") contents.models.push_back(unit);
  }
  if (contents.models.empty()) {
    throw Error("there is no Dataset.../TRAINER__PLANS__CONFIGURATION/plans.json in it",
                "models of nnU-Net 1 cannot be read");
  }
  return contents;
}

void unpack_file(const ZipEntry& entry, const fs::path& file) {
  make_folder(file.parent_path());
  std::vector<std::byte> unpacked;
  if (entry.deflated) unpacked = unpack(entry);
  const auto bytes = entry.deflated ? std::span<const std::byte>(unpacked) : stored_bytes(entry);
  write_text(file, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

/// Puts `from` in the place of `to`; what was there goes to `old`.
void replace(const fs::path& from, const fs::path& to, const fs::path& old) {
  for (const auto& path : {to, old}) make_folder(path.parent_path());
  const bool exists = fs::exists(fs::symlink_status(to));
  if (exists) move_file(to, old);
  try {
    move_file(from, to);
  } catch (const Error&) {
    if (exists) move_file(old, to);
    throw;
  }
}

}  // namespace

std::vector<fs::path> install_model_zip(const fs::path& zip, const fs::path& results, bool force) {
  return with_context(zip.string(), [&] {
    const MappedFile file(zip);
    const Contents contents = check_contents(list_zip(file.bytes()), file.bytes().size());
    for (const auto& unit : contents.units) {
      if (force || !fs::exists(fs::symlink_status(results / unit))) continue;
      throw Error(fmt::format("{} exists already", (results / unit).string()),
                  "--force replaces it; --results installs elsewhere");
    }
    make_folder(results);
    const ScratchFolder scratch(results / "install");
    for (const auto& [entry, path] : contents.files) unpack_file(entry, scratch.path() / path);
    for (const auto& unit : contents.units)
      replace(scratch.path() / unit, results / unit, scratch.path() / "replaced" / unit);
    std::vector<fs::path> models;
    for (const auto& model : contents.models) models.push_back(results / model);
    return models;
  });
}

}  // namespace seg
