#include "data/labelled_patches.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "base/rng.h"
#include "data/quantile.h"
#include "data/raw_case.h"

namespace seg {
namespace {

constexpr double kLowPercent = 0.5, kHighPercent = 99.5;
constexpr std::int64_t kMostSamples = 1'000'000;  // voxels that percentiles are taken of

struct StoredPatch {
  std::int64_t label = 0;
  std::vector<std::uint8_t> values;  // [c, y, x], 1 or 3 channels
};

class PatchSource : public ImageSource {
 public:
  explicit PatchSource(std::int64_t size) : size_(size) {}
  void add(StoredPatch patch) { patches_.push_back(std::move(patch)); }

  std::int64_t count() const override { return static_cast<std::int64_t>(patches_.size()); }
  std::int64_t class_of(std::int64_t index) const override { return at(index).label; }
  Image read(std::int64_t index) const override {
    const auto& values = at(index).values;
    Image image({static_cast<std::int64_t>(values.size()) / (size_ * size_), 1, size_, size_});
    std::ranges::copy(values, image.data.begin());
    return three_channels(image, "patch");
  }

 private:
  const StoredPatch& at(std::int64_t index) const { return patches_[static_cast<std::size_t>(index)]; }
  std::int64_t size_;
  std::vector<StoredPatch> patches_;
};

/// Label values of a dataset but the one to ignore, ascending, with their names.
std::map<int, std::string> label_names(const DatasetInfo& info) {
  std::map<int, std::string> names;
  for (const auto& entry : info.labels) {
    for (const int value : entry.values) {
      if (value == info.ignore_label()) continue;
      // The values of a region have no name of their own.
      auto& name = names.try_emplace(value, fmt::format("label {}", value)).first->second;
      if (entry.values.size() == 1) name = entry.name;
    }
  }
  return names;
}

/// Scales a channel to 0..255.
std::vector<std::uint8_t> to_bytes(std::span<const float> values) {
  std::vector<double> sorted;
  const auto step = static_cast<std::size_t>(static_cast<std::int64_t>(values.size()) / kMostSamples + 1);
  for (std::size_t i = 0; i < values.size(); i += step) sorted.push_back(values[i]);
  std::ranges::sort(sorted);
  const double low = percentile(sorted, kLowPercent), high = percentile(sorted, kHighPercent);
  const double scale = high > low ? 255 / (high - low) : 0;
  std::vector<std::uint8_t> bytes(values.size());
  std::ranges::transform(values, bytes.begin(), [&](float value) {
    return static_cast<std::uint8_t>(std::lround(std::clamp((value - low) * scale, 0.0, 255.0)));
  });
  return bytes;
}

/// Positions of voxels in an array [z, y, x] by label value.
using Centres = std::vector<std::pair<int, std::int64_t>>;

/// Draws `count` voxels, each of a label drawn among those present. Two passes over the labels instead of a
/// list of all voxels.
Centres draw_centres(const Labels& labels, const std::map<int, std::string>& names, std::int64_t count,
                     Rng& rng) {
  std::map<int, std::int64_t> present;
  for (const int value : labels.data) ++present[value];
  std::erase_if(present, [&](const auto& entry) { return !names.contains(entry.first); });
  std::map<int, std::vector<std::int64_t>> ranks;  // which voxels of a label, by their order
  for (std::int64_t i = 0; i < count && !present.empty(); ++i) {
    const auto& [value, voxels] =
        *std::next(present.begin(), rng.below(static_cast<std::int64_t>(present.size())));
    ranks[value].push_back(rng.below(voxels));
  }
  for (auto& [value, drawn] : ranks) std::ranges::sort(drawn, std::greater<>());  // the next one is last
  Centres centres;
  std::map<int, std::int64_t> seen;
  for (std::size_t i = 0; i < labels.data.size(); ++i) {
    const int value = labels.data[i];
    const auto wanted = ranks.find(value);
    if (wanted == ranks.end()) continue;
    const std::int64_t rank = seen[value]++;
    for (auto& drawn = wanted->second; !drawn.empty() && drawn.back() == rank; drawn.pop_back())
      centres.emplace_back(value, static_cast<std::int64_t>(i));
  }
  return centres;
}

/// The square of a slice around voxel `centre` of channels [z, y, x].
std::vector<std::uint8_t> cut(const std::vector<std::vector<std::uint8_t>>& channels, const Shape3& space,
                              std::int64_t centre, std::int64_t size) {
  const std::int64_t x0 = centre % space[2] - size / 2, y0 = centre / space[2] % space[1] - size / 2,
                     z = centre / (space[1] * space[2]);
  const std::int64_t left = std::max<std::int64_t>(0, -x0), right = std::min(size, space[2] - x0);
  std::vector<std::uint8_t> patch(channels.size() * static_cast<std::size_t>(size * size), 0);
  for (std::size_t c = 0; c < channels.size(); ++c) {
    for (std::int64_t y = std::max<std::int64_t>(0, -y0); y < std::min(size, space[1] - y0); ++y) {
      const auto row = channels[c].begin() + ((z * space[1] + y0 + y) * space[2] + x0);
      std::copy(row + left, row + right,
                patch.begin() + ((static_cast<std::int64_t>(c) * size + y) * size + left));
    }
  }
  return patch;
}

std::vector<StoredPatch> patches_of(const Case& files, const DatasetInfo& info,
                                    const std::map<int, std::string>& names,
                                    const LabelledPatchConfig& config, Rng rng) {
  const RawCase raw = read_case(files, info);
  const Image& image = raw.image.voxels;
  std::vector<std::vector<std::uint8_t>> channels;
  for (std::int64_t c = 0; c < (image.channels() == 3 ? 3 : 1); ++c)
    channels.push_back(to_bytes(image.channel(c)));
  std::vector<StoredPatch> patches;
  for (const auto& [value, centre] : draw_centres(raw.labels->voxels, names, config.per_case, rng)) {
    const auto label = std::distance(names.begin(), names.find(value));
    patches.push_back({label, cut(channels, image.space(), centre, config.size)});
  }
  return patches;
}

}  // namespace

ImageSets cut_labelled_patches(const fs::path& dataset, const LabelledPatchConfig& config) {
  const Dataset raw = open_dataset(dataset);
  const auto names = label_names(raw.info);
  if (names.size() < 2 || raw.training.size() < 2) {
    fail("{}: expected two labels and two training cases at least, got {} and {}", dataset.string(),
         names.size(), raw.training.size());
  }
  std::vector<std::vector<StoredPatch>> patches(raw.training.size());
  for_each_case("cut patches of", raw.training, [&](std::size_t i) {
    patches[i] = patches_of(raw.training[i], raw.info, names, config, Rng(config.seed, i));
  });
  const auto train = std::make_shared<PatchSource>(config.size),
             val = std::make_shared<PatchSource>(config.size);
  const auto held = held_out(static_cast<std::int64_t>(patches.size()), config.val_share, 0);
  std::vector<bool> shown(names.size(), false);
  for (std::size_t i = 0; i < patches.size(); ++i) {
    for (auto& patch : patches[i]) {
      if (!held[i]) shown[static_cast<std::size_t>(patch.label)] = true;
      (held[i] ? val : train)->add(std::move(patch));
    }
  }
  ImageSets sets{{}, train, val, true};
  for (const auto& [value, name] : names) {
    if (!shown[sets.classes.size()])
      fail("{}: label {} ({}) is in none of the cases to train on", dataset.string(), value, name);
    sets.classes.push_back(name);
  }
  return sets;
}

}  // namespace seg
