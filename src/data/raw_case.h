// Raw cases: reading one with its checks, going through all of them, and cropping to what is not zero.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "data/dataset.h"
#include "image/image_io.h"
#include "image/morphology.h"
#include "image/volume.h"

namespace seg {

struct RawCase {
  LoadedImage image;
  std::optional<LoadedLabels> labels;  ///< none for test cases
};

/// Reads the files of a case. Throws Error naming the file for a wrong number of channels, values that are
/// not numbers, labels on another grid and labels that dataset.json does not know.
RawCase read_case(const Case& files, const DatasetInfo& info);

/// Calls `body(i)` for each of the cases, as many at a time as there are threads and memory for, with a
/// progress bar. With few cases for many threads, one at a time, so that the loops inside `body` share the
/// threads. An Error carries "<label> <id>" in front.
void for_each_case(std::string_view label, const std::vector<Case>& cases,
                   const std::function<void(std::size_t)>& body);

/// Half-open range of each axis, z, y, x.
using Box = std::array<std::array<std::int64_t, 2>, 3>;

/// The part of an image that is not zero in any channel.
struct NonzeroRegion {
  Mask mask;  ///< [z, y, x] of the image, with enclosed holes filled
  Box box{};  ///< around the mask; everything for an image of zeros
};
NonzeroRegion find_nonzero(const Image& image);

}  // namespace seg
