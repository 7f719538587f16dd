#include "data/fingerprint.h"

#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "base/numpy_random.h"
#include "base/threads.h"
#include "data/quantile.h"
#include "data/raw_case.h"

namespace seg {
namespace {

constexpr std::size_t kDraws = 100'000'000;  // over all cases, per channel
constexpr std::uint32_t kSampleSeed = 1234;

/// A value and how often it was drawn.
struct Drawn {
  float value;
  std::uint64_t times;
};

/// Sorts by value and merges equal values.
void merge_equal(std::vector<Drawn>& drawn) {
  std::sort(drawn.begin(), drawn.end(), [](const Drawn& a, const Drawn& b) { return a.value < b.value; });
  std::size_t used = 0;
  for (const Drawn& one : drawn) {
    if (used > 0 && drawn[used - 1].value == one.value) {
      drawn[used - 1].times += one.times;
    } else {
      drawn[used++] = one;
    }
  }
  drawn.resize(used);
  drawn.shrink_to_fit();
}

/// Statistics of the values as if each stood there as often as it was drawn. Merged values come sorted.
class DrawnStatistics {
 public:
  explicit DrawnStatistics(std::vector<Drawn> drawn) : drawn_(std::move(drawn)) {
    std::uint64_t total = 0;
    for (const Drawn& one : drawn_) end_.push_back(total += one.times);
  }

  IntensityStatistics compute() const {
    double sum = 0, squares = 0;
    for (const Drawn& one : drawn_) sum += static_cast<double>(one.value) * static_cast<double>(one.times);
    const auto total = static_cast<double>(end_.back());
    const double mean = sum / total;
    for (const Drawn& one : drawn_) {
      const double distance = static_cast<double>(one.value) - mean;
      squares += distance * distance * static_cast<double>(one.times);
    }
    return {.max = drawn_.back().value,
            .mean = single(mean),
            .median = at_percent(50),
            .min = drawn_.front().value,
            .percentile_00_5 = at_percent(0.5),
            .percentile_99_5 = at_percent(99.5),
            .std = single(std::sqrt(squares / total))};
  }

 private:
  /// Rounded to float32, which nnU-Net's statistics are.
  static double single(double value) { return static_cast<double>(static_cast<float>(value)); }

  double value_at(std::uint64_t rank) const {
    const auto found = std::upper_bound(end_.begin(), end_.end(), rank) - end_.begin();
    return drawn_[static_cast<std::size_t>(found)].value;
  }
  double at_percent(double percent) const {
    const double position = percent / 100 * static_cast<double>(end_.back() - 1);
    const auto below = static_cast<std::uint64_t>(position);
    const auto above = std::min(below + 1, end_.back() - 1);
    return single(interpolate(value_at(below), value_at(above), position - static_cast<double>(below)));
  }

  std::vector<Drawn> drawn_;
  std::vector<std::uint64_t> end_;  // draws up to and with each value
};

/// What one case adds to the fingerprint.
struct CaseFingerprint {
  Shape3 shape{};
  Vec3 spacing{};
  double relative_size = 1;
  std::vector<std::vector<Drawn>> channels;
};

/// Draws from the foreground of every channel; one generator runs on over the channels.
std::vector<std::vector<Drawn>> draw_foreground(const RawCase& raw, const Box& box, std::size_t draws) {
  const Image& image = raw.image.voxels;
  std::vector<std::int64_t> foreground;  // C order
  for (std::int64_t z = box[0][0]; z < box[0][1]; ++z) {
    for (std::int64_t y = box[1][0]; y < box[1][1]; ++y) {
      for (std::int64_t x = box[2][0]; x < box[2][1]; ++x) {
        const auto i = image.index(0, z, y, x);
        if (raw.labels->voxels.data[static_cast<std::size_t>(i)] > 0) foreground.push_back(i);
      }
    }
  }
  std::vector<std::vector<Drawn>> channels(static_cast<std::size_t>(image.channels()));
  if (foreground.empty()) return channels;
  NumpyRandom random(kSampleSeed);
  std::vector<std::uint32_t> times(foreground.size());
  for (std::int64_t c = 0; c < image.channels(); ++c) {
    std::fill(times.begin(), times.end(), 0u);
    random.repeat_up_to(static_cast<std::uint32_t>(times.size() - 1), draws,
                        [&](std::uint32_t i) { ++times[i]; });
    auto& drawn = channels[static_cast<std::size_t>(c)];
    for (std::size_t i = 0; i < times.size(); ++i) {
      if (times[i] > 0)
        drawn.push_back({image.channel(c)[static_cast<std::size_t>(foreground[i])], times[i]});
    }
    merge_equal(drawn);
  }
  return channels;
}

CaseFingerprint measure(const RawCase& raw, std::size_t draws) {
  const Box box = find_nonzero(raw.image.voxels).box;
  CaseFingerprint measured;
  measured.spacing = raw.image.geometry.spacing;
  double voxels = 1;
  for (int axis = 0; axis < 3; ++axis) {
    measured.shape[axis] = box[axis][1] - box[axis][0];
    voxels *= static_cast<double>(measured.shape[axis]);
  }
  measured.relative_size = voxels / static_cast<double>(raw.image.voxels.voxels());
  measured.channels = draw_foreground(raw, box, draws);
  return measured;
}

IntensityStatistics channel_statistics(std::vector<CaseFingerprint>& cases, std::size_t channel) {
  std::vector<Drawn> all;
  for (auto& one : cases) {
    all.insert(all.end(), one.channels[channel].begin(), one.channels[channel].end());
    one.channels[channel] = {};
  }
  if (all.empty()) {
    throw Error("no training case has a foreground voxel",
                "labels above 0 inside the nonzero part of the image");
  }
  merge_equal(all);
  return DrawnStatistics(std::move(all)).compute();
}

}  // namespace

Fingerprint compute_fingerprint(const Dataset& dataset) {
  if (dataset.training.empty()) fail("{}: the dataset has no training case", dataset.root.string());
  const std::size_t draws = kDraws / dataset.training.size();
  std::vector<CaseFingerprint> cases(dataset.training.size());
  for_each_case("fingerprint", dataset.training, [&](std::size_t i) {
    cases[i] = measure(read_case(dataset.training[i], dataset.info), draws);
  });

  Fingerprint fingerprint;
  std::vector<double> relative_sizes;
  for (const auto& one : cases) {
    fingerprint.shapes_after_crop.push_back(one.shape);
    fingerprint.spacings.push_back(one.spacing);
    relative_sizes.push_back(one.relative_size);
  }
  fingerprint.median_relative_size_after_cropping = median(std::move(relative_sizes));
  for (std::size_t channel = 0; channel < dataset.info.channel_names.size(); ++channel)
    fingerprint.intensities.push_back(channel_statistics(cases, channel));
  return fingerprint;
}

Json to_json(const std::vector<IntensityStatistics>& intensities) {
  Json json = Json::object();
  for (std::size_t channel = 0; channel < intensities.size(); ++channel) {
    const auto& s = intensities[channel];
    json[std::to_string(channel)] = {{"max", s.max},
                                     {"mean", s.mean},
                                     {"median", s.median},
                                     {"min", s.min},
                                     {"percentile_00_5", s.percentile_00_5},
                                     {"percentile_99_5", s.percentile_99_5},
                                     {"std", s.std}};
  }
  return json;
}

std::vector<IntensityStatistics> intensities_from_json(const Json& json) {
  std::vector<IntensityStatistics> intensities;
  for (std::size_t channel = 0; channel < json.size(); ++channel) {
    const Json s = get<Json>(json, std::to_string(channel));
    intensities.push_back({.max = get<double>(s, "max"),
                           .mean = get<double>(s, "mean"),
                           .median = get<double>(s, "median"),
                           .min = get<double>(s, "min"),
                           .percentile_00_5 = get<double>(s, "percentile_00_5"),
                           .percentile_99_5 = get<double>(s, "percentile_99_5"),
                           .std = get<double>(s, "std")});
  }
  return intensities;
}

Json to_json(const Fingerprint& fingerprint) {
  return {{"foreground_intensity_properties_per_channel", to_json(fingerprint.intensities)},
          {"median_relative_size_after_cropping", fingerprint.median_relative_size_after_cropping},
          {"shapes_after_crop", fingerprint.shapes_after_crop},
          {"spacings", fingerprint.spacings}};
}

Fingerprint fingerprint_from_json(const Json& json, const std::string& origin) {
  return with_context(origin, [&] {
    Fingerprint fingerprint;
    fingerprint.intensities =
        intensities_from_json(get<Json>(json, "foreground_intensity_properties_per_channel"));
    fingerprint.median_relative_size_after_cropping =
        get<double>(json, "median_relative_size_after_cropping");
    fingerprint.shapes_after_crop = get<std::vector<Shape3>>(json, "shapes_after_crop");
    fingerprint.spacings = get<std::vector<Vec3>>(json, "spacings");
    return fingerprint;
  });
}

}  // namespace seg
