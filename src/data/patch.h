// One 2-D training patch: what the sampler cuts out and the augmentation changes.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace seg {

/// Source of sample `i` when `from` samples are resized to `to` by nearest neighbours: floor((i + 0.5) * from
/// / to), in integers so that ties are exact.
inline std::int64_t nearest_index(std::int64_t i, std::int64_t from, std::int64_t to) {
  return (2 * i + 1) * from / (2 * to);
}

/// (y, x)
using Size2 = std::array<std::int64_t, 2>;

struct Patch {
  std::int64_t channels = 0, height = 0, width = 0;
  std::vector<float> data;        ///< [channels, height, width]
  std::vector<std::int16_t> seg;  ///< [height, width]; -1 is outside the image

  Patch() = default;
  /// All data 0, all seg `label`.
  Patch(std::int64_t channel_count, Size2 size, std::int16_t label = 0)
      : channels(channel_count),
        height(size[0]),
        width(size[1]),
        data(static_cast<std::size_t>(channel_count * size[0] * size[1])),
        seg(static_cast<std::size_t>(size[0] * size[1]), label) {}

  Size2 size() const { return {height, width}; }
  std::int64_t pixels() const { return height * width; }
  std::span<float> plane(std::int64_t c) {
    return std::span(data).subspan(static_cast<std::size_t>(c * pixels()),
                                   static_cast<std::size_t>(pixels()));
  }
  std::span<const float> plane(std::int64_t c) const {
    return std::span(data).subspan(static_cast<std::size_t>(c * pixels()),
                                   static_cast<std::size_t>(pixels()));
  }
};

}  // namespace seg
