#include "data/raw_case.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "base/error.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/threads.h"

namespace seg {
namespace {

/// Memory for one case in bytes, by its numbers (int16 becomes several float copies), or by the bytes of
/// files whose header says nothing.
constexpr double kMemoryPerNumber = 24, kMemoryPerFileByte = 24;

void check_values(const Image& image, const Case& files) {
  const auto channels_per_file = static_cast<std::size_t>(image.channels()) / files.images.size();
  for (std::int64_t c = 0; c < image.channels(); ++c) {
    const auto values = image.channel(c);
    const auto bad = std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
    if (bad == values.end()) continue;
    const std::int64_t i = bad - values.begin();
    throw Error(
        fmt::format(
            "{}: expected finite values, got {} at voxel (z {}, y {}, x {})",
            files.images[static_cast<std::size_t>(c) / std::max<std::size_t>(1, channels_per_file)].string(),
            *bad, i / (image.shape[2] * image.shape[3]), i / image.shape[3] % image.shape[2],
            i % image.shape[3]),
        "replace such voxels in the image, for example by 0");
  }
}

std::uintmax_t file_bytes(const Case& one) {
  std::uintmax_t bytes = 0;
  for (const auto& image : one.images) {
    std::error_code missing;  // reported when the case is read
    for (const auto& file : fs::is_directory(image) ? list_files(image) : std::vector{image}) {
      const auto size = fs::file_size(file, missing);
      if (!missing) bytes += size;
    }
  }
  return bytes;
}

/// How many cases fit into memory together.
std::int64_t cases_at_once(const std::vector<Case>& cases) {
  const auto largest = std::ranges::max_element(cases, {}, [](const Case& one) { return file_bytes(one); });
  double needed = 1;
  if (largest != cases.end()) {
    std::int64_t numbers = 0;
    for (const auto& image : largest->images) numbers += numbers_in_header(image);
    needed = std::max({needed, kMemoryPerNumber * static_cast<double>(numbers),
                       kMemoryPerFileByte * static_cast<double>(file_bytes(*largest))});
  }
  const double most = std::min<double>(thread_count(), static_cast<double>(cases.size()));
  const auto together =
      static_cast<std::int64_t>(std::clamp(available_memory_bytes() / needed, 1.0, std::max(1.0, most)));
  return 2 * together <= thread_count() ? 1 : together;
}

}  // namespace

RawCase read_case(const Case& files, const DatasetInfo& info) {
  RawCase raw{read_channels(files.images), {}};
  const auto& voxels = raw.image.voxels;
  if (voxels.channels() != static_cast<std::int64_t>(info.channel_names.size())) {
    throw Error(fmt::format("read {} > expected {} channels, got {}", files.images.front().string(),
                            info.channel_names.size(), voxels.channels()),
                "channel_names of dataset.json lists the channels");
  }
  check_values(voxels, files);
  if (files.label.empty()) return raw;
  raw.labels = read_labels(files.label);
  check_same_grid(raw.image.geometry, voxels.space(), files.images.front().string(), raw.labels->geometry,
                  raw.labels->voxels.space(), files.label.string());
  check_label_values(raw.labels->voxels, info, files.label.string());
  return raw;
}

void for_each_case(std::string_view label, const std::vector<Case>& cases,
                   const std::function<void(std::size_t)>& body) {
  Progress progress(std::string(label), static_cast<std::int64_t>(cases.size()), "case");
  std::atomic<std::size_t> next{0};
  std::atomic<bool> failed{false};
  parallel_for(cases_at_once(cases), [&](std::int64_t) {
    for (std::size_t i = next++; i < cases.size() && !failed; i = next++) {
      try {
        with_context(fmt::format("{} {}", label, cases[i].id), [&] { body(i); });
      } catch (...) {
        failed = true;
        throw;
      }
      progress.advance();
    }
  });
}

NonzeroRegion find_nonzero(const Image& image) {
  NonzeroRegion region{Mask(static_cast<std::size_t>(image.voxels()), 0), {}};
  for (std::int64_t c = 0; c < image.channels(); ++c) {
    const auto values = image.channel(c);
    for (std::size_t i = 0; i < values.size(); ++i) region.mask[i] |= values[i] != 0 ? 1 : 0;
  }
  const Shape3 size = image.space();
  fill_holes(region.mask, size);
  Box& box = region.box;
  for (int axis = 0; axis < 3; ++axis) box[axis] = {size[axis], 0};
  for (std::int64_t z = 0; z < size[0]; ++z) {
    for (std::int64_t y = 0; y < size[1]; ++y) {
      const auto begin = region.mask.begin() + (z * size[1] + y) * size[2], end = begin + size[2];
      const auto first = std::find(begin, end, 1);
      if (first == end) continue;
      const auto last = std::find(std::make_reverse_iterator(end), std::make_reverse_iterator(begin), 1);
      const Box row{{{z, z + 1}, {y, y + 1}, {first - begin, last.base() - begin}}};
      for (int axis = 0; axis < 3; ++axis) {
        box[axis][0] = std::min(box[axis][0], row[axis][0]);
        box[axis][1] = std::max(box[axis][1], row[axis][1]);
      }
    }
  }
  if (box[0][1] == 0) box = {{{0, size[0]}, {0, size[1]}, {0, size[2]}}};
  return region;
}

}  // namespace seg
