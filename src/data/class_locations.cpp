#include "data/class_locations.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "base/error.h"
#include "base/numpy_random.h"

namespace seg {
namespace {

constexpr std::uint32_t kLocationSeed = 1234;
constexpr std::size_t kMinStored = 10000;
constexpr double kStoredShare = 0.01;

/// What voxels are collected for, in the order of the draws.
std::vector<std::vector<int>> collected_values(const DatasetInfo& info) {
  std::vector<std::vector<int>> collected;
  for (const auto& label : info.foreground()) collected.push_back(label.values);
  if (info.ignore_label()) collected.push_back(labelled_values(info));
  return collected;
}

std::vector<std::uint32_t> voxels_of(const Labels& seg, const std::vector<int>& values) {
  std::vector<std::uint32_t> voxels;  // C order
  for (std::size_t i = 0; i < seg.data.size(); ++i) {
    if (std::find(values.begin(), values.end(), seg.data[i]) != values.end())
      voxels.push_back(static_cast<std::uint32_t>(i));
  }
  return voxels;
}

}  // namespace

std::string location_key(const std::vector<int>& values) {
  return values.size() == 1 ? std::to_string(values[0]) : fmt::format("({})", fmt::join(values, ", "));
}

std::vector<int> labelled_values(const DatasetInfo& info) {
  std::set<int> all;
  for (const auto& label : info.labels) all.insert(label.values.begin(), label.values.end());
  if (const auto ignore = info.ignore_label()) all.erase(*ignore);
  return {all.begin(), all.end()};
}

ClassLocations find_class_locations(const Labels& seg, const DatasetInfo& info) {
  if (seg.count() > std::numeric_limits<std::uint32_t>::max())
    fail("the volume has {} voxels, more than are supported", seg.count());
  const auto width = static_cast<std::uint32_t>(seg.shape[3]);
  const auto plane = static_cast<std::uint32_t>(seg.shape[2]) * width;
  NumpyRandom random(kLocationSeed);
  ClassLocations locations;
  for (const auto& values : collected_values(info)) {
    auto voxels = voxels_of(seg, values);
    random.shuffle(std::span(voxels));
    const double share = std::ceil(static_cast<double>(voxels.size()) * kStoredShare);
    voxels.resize(std::max(std::min(kMinStored, voxels.size()), static_cast<std::size_t>(share)));
    auto& stored = locations[location_key(values)];
    for (const std::uint32_t i : voxels) {
      stored.push_back({0, static_cast<std::int32_t>(i / plane),
                        static_cast<std::int32_t>(i / width % seg.shape[2]),
                        static_cast<std::int32_t>(i % width)});
    }
  }
  return locations;
}

}  // namespace seg
