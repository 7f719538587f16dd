#include "infer/sliding_window.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/threads.h"

namespace seg {
namespace {

constexpr std::int64_t kParallelLogits = 1 << 18;

/// Whether a tile is mirrored before the model sees it.
struct Flip {
  bool y, x;
};

/// Upper left pixel of a tile in one slice; negative where the image is smaller than the patch.
struct Tile {
  std::int64_t z, y, x;
  Flip flip{};
};

/// The part [begin, end) of a tile's axis that lies inside the image.
struct Overlap {
  std::int64_t begin, end;
};

Overlap overlap(std::int64_t start, std::int64_t patch, std::int64_t image) {
  return {std::max<std::int64_t>(0, -start), std::min(patch, image - start)};
}

void check(const Image& image, const SlidingWindowConfig& config) {
  const auto& [height, width] = config.patch_size;
  if (image.count() == 0) fail("cannot predict an empty image");
  if (height < 1 || width < 1) fail("patch size: expected positive numbers, got {}x{}", height, width);
  if (!(config.step_size > 0 && config.step_size <= 1))
    fail("tile step size: expected a number in (0, 1], got {}", config.step_size);
  if (config.tiles_per_batch < 1)
    fail("tiles per batch: expected at least 1, got {}", config.tiles_per_batch);
  if (config.classes < 1) fail("classes: expected at least 1, got {}", config.classes);
}

/// Tile starts in image coordinates: shifted to the left by half of the padding.
std::vector<std::int64_t> shifted_starts(std::int64_t image, std::int64_t patch, double step_size) {
  auto starts = tile_starts(image, patch, step_size);
  const std::int64_t padding_before = std::max<std::int64_t>(0, patch - image) / 2;
  for (auto& start : starts) start -= padding_before;
  return starts;
}

std::vector<Flip> flips_of(const SlidingWindowConfig& config) {
  if (!config.mirror) return {{false, false}};
  return {{false, false}, {true, false}, {false, true}, {true, true}};
}

std::vector<Tile> all_tiles(const Image& image, const SlidingWindowConfig& config) {
  const auto ys = shifted_starts(image.shape[2], config.patch_size[0], config.step_size);
  const auto xs = shifted_starts(image.shape[3], config.patch_size[1], config.step_size);
  const auto flips = flips_of(config);
  std::vector<Tile> tiles;
  for (std::int64_t z = 0; z < image.shape[1]; ++z) {
    for (const auto y : ys) {
      for (const auto x : xs) {
        for (const Flip flip : flips) tiles.push_back({z, y, x, flip});
      }
    }
  }
  return tiles;
}

/// Copies a tile [channels, height, width], flipped, into `out`; what lies outside the image is zero.
void gather(const Image& image, const Tile& tile, const std::array<std::int64_t, 2>& patch,
            std::span<float> out) {
  const auto [height, width] = patch;
  const Flip flip = tile.flip;
  const Overlap rows = overlap(tile.y, height, image.shape[2]);
  const Overlap columns = overlap(tile.x, width, image.shape[3]);
  std::fill(out.begin(), out.end(), 0.0f);
  for (std::int64_t c = 0; c < image.channels(); ++c) {
    for (std::int64_t y = rows.begin; y < rows.end; ++y) {
      const float* from = &image.at(c, tile.z, tile.y + y, tile.x + columns.begin);
      float* row = &out[static_cast<std::size_t>((c * height + (flip.y ? height - 1 - y : y)) * width)];
      const std::int64_t count = columns.end - columns.begin;
      if (flip.x) {
        std::reverse_copy(from, from + count, row + width - columns.end);
      } else {
        std::copy(from, from + count, row + columns.begin);
      }
    }
  }
}

/// Adds the weighted logits of one class of one (flipped) tile, [height, width], to the slice.
void accumulate(const float* logits, const float* weights, const Tile& tile,
                const std::array<std::int64_t, 2>& patch, std::int64_t c, Image& sum) {
  const auto [height, width] = patch;
  const Flip flip = tile.flip;
  const Overlap rows = overlap(tile.y, height, sum.shape[2]);
  const Overlap columns = overlap(tile.x, width, sum.shape[3]);
  const std::int64_t count = columns.end - columns.begin;
  for (std::int64_t y = rows.begin; y < rows.end; ++y) {
    float* out = &sum.at(c, tile.z, tile.y + y, tile.x + columns.begin);
    const float* weight = weights + y * width + columns.begin;
    const float* row = logits + (flip.y ? height - 1 - y : y) * width;
    if (flip.x) {
      const float* last = row + width - 1 - columns.begin;
      for (std::int64_t i = 0; i < count; ++i) out[i] += weight[i] * last[-i];
    } else {
      const float* from = row + columns.begin;
      for (std::int64_t i = 0; i < count; ++i) out[i] += weight[i] * from[i];
    }
  }
}

/// The running sum of weighted logits over one image.
class WeightedSum {
 public:
  WeightedSum(const Image& image, const SlidingWindowConfig& config)
      : image_(image),
        config_(config),
        importance_(gaussian_importance(config.patch_size)),
        sum_({config.classes, image.shape[1], image.shape[2], image.shape[3]}) {}

  /// Runs the model on tiles and adds what it says.
  void add(std::span<const Tile> tiles, const TileModel& model) {
    const auto [height, width] = config_.patch_size;
    const auto n = static_cast<std::int64_t>(tiles.size());
    const auto tile_size = static_cast<std::size_t>(image_.channels() * height * width);
    inputs_.resize(tiles.size() * tile_size);
    logits_.resize(static_cast<std::size_t>(n * config_.classes * height * width));
    for (std::size_t i = 0; i < tiles.size(); ++i)
      gather(image_, tiles[i], config_.patch_size, std::span(inputs_).subspan(i * tile_size, tile_size));
    model(inputs_, n, image_.channels(), height, width, logits_);
    add_logits(tiles);
  }

  /// Divides by the weights that each pixel has received.
  Image mean() && {
    const Image weights = summed_weights();
    parallel_for(sum_.channels() * sum_.shape[1], [&](std::int64_t plane) {
      float* out = sum_.data.data() + plane * weights.count();
      for (std::int64_t i = 0; i < weights.count(); ++i) out[i] /= weights.data[static_cast<std::size_t>(i)];
    });
    return std::move(sum_);
  }

 private:
  void add_logits(std::span<const Tile> tiles) {
    const std::int64_t pixels = config_.patch_size[0] * config_.patch_size[1];
    const auto add_class = [&](std::int64_t c) {
      const float* logits = logits_.data() + c * pixels;
      for (const Tile& tile : tiles) {
        accumulate(logits, importance_.data(), tile, config_.patch_size, c, sum_);
        logits += config_.classes * pixels;
      }
    };
    // Tiles overlap, so threads share classes, not tiles; small batches do not repay waking threads.
    if (static_cast<std::int64_t>(logits_.size()) >= kParallelLogits) {
      parallel_for(config_.classes, add_class);
    } else {
      for (std::int64_t c = 0; c < config_.classes; ++c) add_class(c);
    }
  }

  /// Sum of the weights of each pixel of a slice, [1, 1, y, x]; the same in every slice.
  Image summed_weights() const {
    const auto [height, width] = config_.patch_size;
    Image sum({1, 1, image_.shape[2], image_.shape[3]});
    const std::vector<float> runs(importance_.size(), static_cast<float>(flips_of(config_).size()));
    for (const auto y : shifted_starts(image_.shape[2], height, config_.step_size)) {
      for (const auto x : shifted_starts(image_.shape[3], width, config_.step_size))
        accumulate(runs.data(), importance_.data(), {0, y, x}, config_.patch_size, 0, sum);
    }
    return sum;
  }

  const Image& image_;
  const SlidingWindowConfig& config_;
  std::vector<float> importance_;       // [height, width]
  std::vector<float> inputs_, logits_;  // [tiles, channels or classes, height, width]
  Image sum_;
};

}  // namespace

std::vector<std::int64_t> tile_starts(std::int64_t image, std::int64_t patch, double step_size) {
  if (image <= patch) return {0};
  const double rest = static_cast<double>(image - patch);
  const auto steps = static_cast<std::int64_t>(std::ceil(rest / (static_cast<double>(patch) * step_size)));
  const double step = rest / static_cast<double>(steps);
  std::vector<std::int64_t> starts;
  for (std::int64_t i = 0; i <= steps; ++i)
    starts.push_back(std::llrint(step * static_cast<double>(i)));  // half to even, as numpy rounds
  return starts;
}

std::vector<float> gaussian_importance(const std::array<std::int64_t, 2>& patch_size) {
  // The patch ends at 4 sigma, where each axis is down to exp(-8): no pixel is zero.
  const auto bell = [](std::int64_t position, std::int64_t patch) {
    const std::int64_t centre = patch / 2;
    const double sigmas = static_cast<double>(position - centre) / (static_cast<double>(patch) / 8);
    return std::exp(-0.5 * sigmas * sigmas);
  };
  const auto [height, width] = patch_size;
  std::vector<float> importance(static_cast<std::size_t>(height * width));
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      importance[static_cast<std::size_t>(y * width + x)] =
          static_cast<float>(10 * bell(y, height) * bell(x, width));
    }
  }
  return importance;
}

Image predict_sliding_window(const Image& image, const SlidingWindowConfig& config, const TileModel& model) {
  check(image, config);
  const auto tiles = all_tiles(image, config);
  WeightedSum sum(image, config);
  const auto batch = static_cast<std::size_t>(config.tiles_per_batch);
  for (std::size_t first = 0; first < tiles.size(); first += batch) {
    const std::size_t n = std::min(batch, tiles.size() - first);
    sum.add(std::span(tiles).subspan(first, n), model);
  }
  return std::move(sum).mean();
}

}  // namespace seg
