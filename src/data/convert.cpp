// The NeurIPS 2022 cell images, and what the conversions share.
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/threads.h"
#include "data/convert_parts.h"
#include "image/image_io.h"

namespace seg {
namespace {

constexpr std::string_view kLabelSuffix = "_label";

/// "cell_1.png" -> "cell_1"; nothing for files that are no pictures.
std::string picture_stem(const fs::path& path) {
  const std::string name = path.filename().string();
  for (const std::string_view ending : {".png", ".bmp", ".tif", ".tiff", ".jpg", ".jpeg"})
    if (name.size() > ending.size() && name.ends_with(ending))
      return name.substr(0, name.size() - ending.size());
  return {};
}

[[noreturn]] void fail_unpaired(const fs::path& folder, const std::vector<std::string>& images,
                                const std::vector<std::string>& labels) {
  const auto some = [](std::vector<std::string> names) {
    const std::size_t count = names.size();
    names.resize(std::min<std::size_t>(count, 5));
    return fmt::format("{} ({}{})", count, fmt::join(names, ", "), count > 5 ? ", ..." : "");
  };
  std::string message = folder.string() + ":";
  if (!images.empty()) message += " images without a label: " + some(images);
  if (!labels.empty())
    message += std::string(images.empty() ? "" : ";") + " labels without an image: " + some(labels);
  throw Error(message, "an image images/<name>.png needs labels/<name>_label.tiff");
}

/// Pairs the files of images/ and labels/ by name.
std::vector<SourceCase> find_pairs(const fs::path& folder) {
  std::vector<SourceCase> pairs;
  for (const fs::path& image : list_files(folder / "images")) {
    const std::string id = picture_stem(image);
    if (id.empty()) continue;
    if (!pairs.empty() && pairs.back().id == id)
      fail("{} and {} have the same name", pairs.back().image.string(), image.string());
    pairs.push_back({id, image, {}});
  }
  std::set<std::string> unused;
  for (const fs::path& label : list_files(folder / "labels")) {
    std::string id = picture_stem(label);
    if (!id.ends_with(kLabelSuffix)) continue;
    id.resize(id.size() - kLabelSuffix.size());
    const auto found =
        std::find_if(pairs.begin(), pairs.end(), [&](const SourceCase& pair) { return pair.id == id; });
    if (found == pairs.end()) {
      unused.insert(label.filename().string());
    } else {
      found->label = label;
    }
  }
  std::vector<std::string> unlabelled;
  for (const SourceCase& pair : pairs)
    if (pair.label.empty()) unlabelled.push_back(pair.image.filename().string());
  if (!unlabelled.empty() || !unused.empty())
    fail_unpaired(folder, unlabelled, {unused.begin(), unused.end()});
  if (pairs.empty()) fail("{}: no images found", (folder / "images").string());
  return pairs;
}

/// Grey to RGB; more than 8 bits to 0..255 between the minimum and the 99.9 % quantile.
Image to_rgb(const fs::path& path, Image image) {
  if (image.channels() != 1 && image.channels() != 3)
    fail("{}: expected 1 or 3 channels, got {}", path.string(), image.channels());
  const float high = *std::max_element(image.data.begin(), image.data.end());
  if (high > 255) {
    note("{}: values up to {} are rescaled to 8 bits", path.string(), high);
    std::vector<float> sorted = image.data;
    std::sort(sorted.begin(), sorted.end());
    const float low = sorted.front();
    const float top =
        std::max(sorted[static_cast<std::size_t>(0.999 * static_cast<double>(sorted.size() - 1))], low + 1);
    for (float& value : image.data) value = 255 * (value - low) / (top - low);
  }
  if (image.channels() == 1) {
    Image rgb({3, image.shape[1], image.shape[2], image.shape[3]});
    for (std::int64_t c = 0; c < 3; ++c)
      std::copy(image.data.begin(), image.data.end(), rgb.channel(c).begin());
    return rgb;
  }
  return image;
}

void convert_pair(const SourceCase& pair, const fs::path& root, const std::string& part, BoundaryRule rule) {
  const LoadedImage image = read_image(pair.image);
  const LoadedLabels instances = read_labels(pair.label);
  check_same_grid(image.geometry, image.voxels.space(), pair.image.string(), instances.geometry,
                  instances.voxels.space(), pair.label.string());
  write_rgb_png(root / ("images" + part) / (pair.id + "_0000.png"), to_rgb(pair.image, image.voxels));
  write_labels(root / ("labels" + part) / (pair.id + ".png"), three_class_labels(instances.voxels, rule),
               instances.geometry);
  write_labels(root / ("instances" + part) / (pair.id + "_label.tiff"), instances.voxels, instances.geometry);
}

}  // namespace

void require_new_dataset(const fs::path& raw, const std::string& name) {
  const bool valid =
      name.size() > 11 && name.starts_with("Dataset") && name[10] == '_' &&
      std::all_of(name.begin() + 7, name.begin() + 10, [](unsigned char c) { return std::isdigit(c); }) &&
      name.find('/') == std::string::npos;
  if (!valid)
    fail_usage("dataset name \"{}\": expected Dataset<three digits>_<name>, such as Dataset703_NeurIPSCell",
               name);
  if (fs::exists(raw / name / "dataset.json"))
    throw Error(fmt::format("{} exists already", (raw / name).string()),
                "remove it or choose another --name");
}

void write_dataset_json(const ConvertedDataset& made, const Json& channel_names, const Json& labels,
                        const std::string& file_ending) {
  Json json;
  json["channel_names"] = channel_names;
  json["labels"] = labels;
  json["numTraining"] = made.training;
  json["file_ending"] = file_ending;
  json["name"] = made.root.filename().string();
  write_json(made.root / "dataset.json", json);
}

ConvertedDataset convert_neurips_cell(const fs::path& input, const fs::path& raw, const std::string& name,
                                      BoundaryRule rule) {
  require_new_dataset(raw, name);
  if (!fs::is_directory(input)) fail("folder {} does not exist", input.string());
  const bool split = fs::is_directory(input / "train");
  const std::vector<SourceCase> training = find_pairs(split ? input / "train" : input);
  const std::vector<SourceCase> test =
      fs::is_directory(input / "test") ? find_pairs(input / "test") : std::vector<SourceCase>{};
  ConvertedDataset result{raw / name, std::ssize(training), std::ssize(test)};
  for (const char* folder : {"images", "labels", "instances"}) {
    make_folder(result.root / (std::string(folder) + "Tr"));
    if (!test.empty()) make_folder(result.root / (std::string(folder) + "Ts"));
  }
  Progress progress("convert", result.training + result.test, "image");
  parallel_for(result.training + result.test, [&](std::int64_t i) {
    const bool is_training = i < result.training;
    const SourceCase& pair = is_training ? training[static_cast<std::size_t>(i)]
                                         : test[static_cast<std::size_t>(i - result.training)];
    convert_pair(pair, result.root, is_training ? "Tr" : "Ts", rule);
    progress.advance();
  });
  write_dataset_json(result, {{"0", "R"}, {"1", "G"}, {"2", "B"}},
                     {{"background", 0}, {"interior", 1}, {"boundary", 2}}, ".png");
  return result;
}

}  // namespace seg
