// The goldens' toy networks: one 3x3 convolution, stored as JSON, as a TileModel.
#pragma once
#include <array>
#include <vector>

#include "base/json.h"

namespace seg::testing {

class LinearNet {
 public:
  static LinearNet read(const fs::path& path) {
    const Json json = read_json(path);
    LinearNet net;
    net.weight_ = get<decltype(net.weight_)>(json, "weight");
    net.bias_ = get<std::vector<float>>(json, "bias");
    return net;
  }
  int classes() const { return static_cast<int>(bias_.size()); }

  /// A cross-correlation with one pixel of zero padding.
  void operator()(std::span<const float> tiles, std::int64_t n, std::int64_t channels, std::int64_t height,
                  std::int64_t width, std::span<float> logits) const {
    const auto pixel = [&](std::int64_t plane, std::int64_t y, std::int64_t x) {
      const bool inside = y >= 0 && y < height && x >= 0 && x < width;
      return inside ? tiles[static_cast<std::size_t>((plane * height + y) * width + x)] : 0.0f;
    };
    std::size_t at = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::size_t k = 0; k < bias_.size(); ++k) {
        for (std::int64_t y = 0; y < height; ++y) {
          for (std::int64_t x = 0; x < width; ++x) {
            float sum = bias_[k];
            for (std::int64_t c = 0; c < channels; ++c) {
              const auto& kernel = weight_[k][static_cast<std::size_t>(c)];
              for (std::int64_t tap = 0; tap < 9; ++tap)
                sum += kernel[static_cast<std::size_t>(tap / 3)][static_cast<std::size_t>(tap % 3)] *
                       pixel(i * channels + c, y + tap / 3 - 1, x + tap % 3 - 1);
            }
            logits[at++] = sum;
          }
        }
      }
    }
  }

 private:
  std::vector<std::vector<std::array<std::array<float, 3>, 3>>> weight_;  // [class, channel, y, x]
  std::vector<float> bias_;
};

}  // namespace seg::testing
