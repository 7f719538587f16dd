#include "infer/ensemble.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <functional>

#include "base/error.h"
#include "data/raw_case.h"
#include "image/image_io.h"
#include "infer/prediction_files.h"

namespace seg {
namespace {

/// A case per .npz file of the first folder, its "images" the files of that name in all folders. Throws Error
/// unless all folders hold the same cases.
std::vector<Case> common_cases(const std::vector<fs::path>& folders) {
  std::vector<Case> cases;
  for (const auto& file : list_files(folders.at(0), ".npz")) cases.push_back({file.stem().string(), {}, {}});
  if (cases.empty()) {
    throw Error(fmt::format("{}: no probabilities (.npz)", folders[0].string()),
                "predict with --save-probabilities, train with --npz");
  }
  for (const auto& folder : folders) {
    if (list_files(folder, ".npz").size() > cases.size())
      fail("{} holds more cases than {}", folder.string(), folders[0].string());
    for (Case& one : cases) {
      one.images.push_back(folder / (one.id + ".npz"));
      if (!fs::exists(one.images.back()))
        fail("{} is missing, but {} is there", one.images.back().string(), one.images.front().string());
    }
  }
  return cases;
}

void ensemble_case(const Case& members, const fs::path& output, const DatasetInfo& info,
                   const EnsembleOptions& options) {
  const fs::path& first = members.images[0];
  const fs::path labels_name = members.id + info.label_ending();
  const LoadedLabels member = read_labels(first.parent_path() / labels_name);
  const Image mean = mean_probabilities(members.images);
  if (mean.channels() != info.output_channels() || mean.space() != member.voxels.space()) {
    fail("{}: expected probabilities [{}, {}] as dataset.json and {} say, got [{}]", first.string(),
         info.output_channels(), fmt::join(member.voxels.space(), ", "), labels_name.string(),
         fmt::join(mean.shape, ", "));
  }
  if (options.save_probabilities) {
    write_probabilities(output / first.filename(), mean);
    const fs::path properties = with_ending(first, ".npz", ".pkl");
    if (fs::exists(properties)) copy_atomically(properties, output / properties.filename());
  }
  write_labels(output / labels_name, labels_of_probabilities(mean, info, options.as_nnunet ? 0.0f : 0.5f),
               member.geometry);
}

}  // namespace

Image mean_probabilities(const std::vector<fs::path>& npz_files) {
  Image mean = read_probabilities(npz_files.at(0));
  for (std::size_t i = 1; i < npz_files.size(); ++i) {
    const Image next = read_probabilities(npz_files[i]);
    if (next.shape != mean.shape)
      fail("{} and {} differ in size: [{}] and [{}]", npz_files[0].string(), npz_files[i].string(),
           fmt::join(mean.shape, ", "), fmt::join(next.shape, ", "));
    std::ranges::transform(mean.data, next.data, mean.data.begin(), std::plus<>());
  }
  for (float& value : mean.data) value /= static_cast<float>(npz_files.size());
  return mean;
}

Labels labels_of_probabilities(const Image& probabilities, const DatasetInfo& info, float region_threshold) {
  Labels labels({1, probabilities.shape[1], probabilities.shape[2], probabilities.shape[3]});
  if (info.has_regions()) {
    for (std::size_t r = 0; r < info.regions_class_order.size(); ++r) {
      const auto values = probabilities.channel(static_cast<std::int64_t>(r));
      for (std::size_t i = 0; i < values.size(); ++i) {
        if (values[i] > region_threshold) labels.data[i] = info.regions_class_order[r];
      }
    }
    return labels;
  }
  const auto first = probabilities.channel(0);
  std::vector<float> best(first.begin(), first.end());
  for (std::int64_t c = 1; c < probabilities.channels(); ++c) {
    const auto values = probabilities.channel(c);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!(values[i] > best[i])) continue;
      best[i] = values[i];
      labels.data[i] = static_cast<std::int32_t>(c);
    }
  }
  return labels;
}

void ensemble_folders(const std::vector<fs::path>& folders, const fs::path& output, const DatasetInfo& info,
                      const EnsembleOptions& options) {
  const auto cases = common_cases(folders);
  make_folder(output);
  copy_descriptions(folders[0], output);
  for_each_case("ensemble", cases, [&](std::size_t i) { ensemble_case(cases[i], output, info, options); });
}

}  // namespace seg
