#include "data/image_source.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/rng.h"

namespace seg {
namespace {

constexpr std::uint64_t kSplitSeed = 0x73706C6974;  // the split does not change with a training's seed

}  // namespace

std::vector<bool> held_out(std::int64_t count, double share, std::uint64_t stream) {
  std::vector<bool> held(static_cast<std::size_t>(count), false);
  if (count < 2) return held;
  const auto wanted = std::llround(share * static_cast<double>(count));
  const auto order = shuffled(count, Rng(kSplitSeed, stream));
  for (std::int64_t i = 0; i < std::clamp<std::int64_t>(wanted, 1, count - 1); ++i)
    held[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])] = true;
  return held;
}

Image three_channels(const Image& image, const std::string& what) {
  if (image.channels() == 3) return image;
  if (image.channels() != 1) fail("{}: expected 1 or 3 channels, got {}", what, image.channels());
  Image wide({3, image.shape[1], image.shape[2], image.shape[3]});
  for (std::int64_t c = 0; c < 3; ++c) std::ranges::copy(image.channel(0), wide.channel(c).begin());
  return wide;
}

}  // namespace seg
