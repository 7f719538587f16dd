#include "data/image_folder.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/error.h"
#include "base/progress.h"
#include "base/suggest.h"
#include "base/threads.h"
#include "image/image_io.h"

namespace seg {
namespace {

constexpr std::array<std::string_view, 6> kPictureEndings{".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"};
constexpr float kWhite = 255;

struct LabelledFile {
  fs::path path;
  std::int64_t label = 0;
};

bool is_picture(const fs::path& path) {
  std::string ending = path.extension().string();
  std::ranges::transform(ending, ending.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::ranges::count(kPictureEndings, ending) > 0;
}

bool is_hidden(const fs::path& path) {
  return path.filename().string().starts_with('.');
}

Image read_picture(const fs::path& path) {
  std::vector<std::string> ignored;  // an alpha channel and a palette are nothing to tell of each picture
  Image image = read_image(path, &ignored).voxels;
  if (image.shape[1] != 1) fail("{}: expected a flat picture, got {} pages", path.string(), image.shape[1]);
  const auto [low, high] = std::ranges::minmax(image.data);
  if (high > kWhite) {
    for (float& value : image.data) value = (value - low) / (high - low) * kWhite;
  }
  return three_channels(image, path.string());
}

class FileSource : public ImageSource {
 public:
  explicit FileSource(std::vector<LabelledFile> files) : files_(std::move(files)) {}
  std::int64_t count() const override { return static_cast<std::int64_t>(files_.size()); }
  std::int64_t class_of(std::int64_t index) const override {
    return files_[static_cast<std::size_t>(index)].label;
  }
  Image read(std::int64_t index) const override {
    return read_picture(files_[static_cast<std::size_t>(index)].path);
  }

 private:
  std::vector<LabelledFile> files_;
};

std::vector<std::string> class_names(const fs::path& folder) {
  if (!fs::is_directory(folder)) fail("folder {} does not exist", folder.string());
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_directory() && !is_hidden(entry.path())) names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

/// Pictures of one class, sorted.
std::vector<fs::path> pictures_of(const fs::path& folder) {
  std::vector<fs::path> pictures;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && is_picture(entry.path()) && !is_hidden(entry.path()))
      pictures.push_back(entry.path());
  }
  if (pictures.empty()) {
    throw Error(fmt::format("class folder {} holds no picture", folder.string()),
                fmt::format("expected files ending in {}; remove a folder that is no class",
                            fmt::join(kPictureEndings, " ")));
  }
  std::ranges::sort(pictures);
  return pictures;
}

std::vector<LabelledFile> validation_files(const fs::path& folder, const std::vector<std::string>& classes) {
  std::vector<LabelledFile> files;
  for (const auto& name : class_names(folder)) {
    const auto found = std::ranges::find(classes, name);
    if (found == classes.end()) {
      with_context("read " + folder.string(), [&] { fail_unknown("class", name, classes); });
    }
    for (auto& path : pictures_of(folder / name)) files.push_back({std::move(path), found - classes.begin()});
  }
  return files;
}

/// Damage is found before hours of training, not in their midst.
void read_once(const ImageSource& source, Progress& progress) {
  parallel_for(source.count(), [&](std::int64_t i) {
    static_cast<void>(source.read(i));
    progress.advance();
  });
}

}  // namespace

ImageSets open_image_folder(const fs::path& folder, const fs::path& val, double val_share) {
  const bool split = val.empty() && fs::is_directory(folder / "train") && fs::is_directory(folder / "val");
  const fs::path training = split ? folder / "train" : folder, validation = split ? folder / "val" : val;
  ImageSets sets;
  sets.classes = class_names(training);
  if (sets.classes.size() < 2) {
    throw Error(fmt::format("{}: expected a folder per class, two classes at least, got {} folder{}",
                            training.string(), sets.classes.size(), sets.classes.size() == 1 ? "" : "s"),
                "arrange the pictures as FOLDER/<class>/<picture>.png");
  }
  std::vector<LabelledFile> train_files, val_files;
  for (std::size_t label = 0; label < sets.classes.size(); ++label) {
    const auto pictures = pictures_of(training / sets.classes[label]);
    const auto held = held_out(static_cast<std::int64_t>(pictures.size()), val_share, label);
    for (std::size_t i = 0; i < pictures.size(); ++i) {
      auto& files = validation.empty() && held[i] ? val_files : train_files;
      files.push_back({pictures[i], static_cast<std::int64_t>(label)});
    }
  }
  if (!validation.empty()) val_files = validation_files(validation, sets.classes);
  if (val_files.empty()) {
    throw Error(fmt::format("{}: no picture can be held out for validation",
                            (validation.empty() ? training : validation).string()),
                "give every class more than one picture, or --val another folder");
  }
  Progress progress("checking pictures", static_cast<std::int64_t>(train_files.size() + val_files.size()),
                    "picture");
  sets.train = std::make_shared<FileSource>(std::move(train_files));
  sets.val = std::make_shared<FileSource>(std::move(val_files));
  for (const auto& source : {sets.train, sets.val}) read_once(*source, progress);
  return sets;
}

}  // namespace seg
