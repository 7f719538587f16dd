#include <algorithm>
#include <numbers>
#include <vector>

#include "base/threads.h"
#include "ops/cross_scan.h"
#include "ops/cross_scan_layout.h"
#include "ops/cross_scan_weights.h"
#include "ops/scan_tile.h"

namespace seg {
namespace {

// Gradients of B, C and the dt part are sums over channels: every block of groups makes its own, and they are
// added up in order. So the blocks follow from the shape alone, never from the number of threads.
std::int64_t groups_per_block(std::int64_t groups, std::int64_t batch) {
  return std::clamp<std::int64_t>(groups * batch / 4, 1, kMaxGroups);
}

// Blocks' gradients of x_dbl stay below this; more images than fit go one after the other.
constexpr std::int64_t kMaxPartialFloats = 16 << 20;

class BackwardScan {
 public:
  BackwardScan(const CrossScanShape& shape, const CrossScanInputs& in, const float* states, const float* dy,
               const CrossScanGradients& out)
      : shape_(shape),
        in_(in),
        states_(states),
        dy_(dy),
        out_(out),
        layout_(tile_layout(shape)),
        weights_(shape, in, CrossScanWeights::Passes::both),
        block_(groups_per_block(weights_.groups(), shape.batch)),
        blocks_(ceil_div(weights_.groups(), block_)),
        image_size_(shape.pixels() * shape.channels),
        partial_size_(shape.pixels() * layout_.x_gradient_stride()),
        sums_(shape.batch * weights_.groups() * 2 * layout_.sum_rows()) {}

  void run() {
    const std::int64_t images =
        std::clamp<std::int64_t>(kMaxPartialFloats / (blocks_ * partial_size_), 1, shape_.batch);
    std::vector<float> partials(images * blocks_ * partial_size_);
    for (std::int64_t k = 0; k < shape_.directions; ++k) {
      std::fill(sums_.begin(), sums_.end(), ChannelRow());
      for (std::int64_t first = 0; first < shape_.batch; first += images) {
        const std::int64_t count = std::min(images, shape_.batch - first);
        parallel_for_apart(count * blocks_, [&](std::int64_t i) {
          scan_block(k, first + i / blocks_, i % blocks_, partials.data() + i * partial_size_);
        });
        parallel_for(count * shape_.height, [&](std::int64_t i) {
          add_partials(k, first, i / shape_.height, i % shape_.height, partials.data());
        });
      }
      add_sums(k);
    }
  }

 private:
  std::int64_t columns() const { return shape_.dt_rank + 2 * shape_.state; }  // of a direction in x_dbl

  // The gradient of one direction of one block of channels.
  void scan_block(std::int64_t k, std::int64_t image, std::int64_t block, float* grad_x) {
    const std::int64_t first_group = block * block_;
    const std::int64_t groups = std::min(block_, weights_.groups() - first_group);
    const std::int64_t channels =
        std::min(groups * kTileChannels, shape_.channels - first_group * kTileChannels);
    const std::int64_t at = image * image_size_ + first_group * kTileChannels;
    const float* x = in_.x_dbl + image * shape_.pixels() * layout_.x_stride + k * columns();
    ChannelRows carry(groups * shape_.state);
    std::vector<BackwardGroup> work(groups);
    for (std::int64_t g = 0; g < groups; ++g) {
      work[g].weights = weights_.of(k, first_group + g);
      work[g].channels = std::min(kTileChannels, channels - g * kTileChannels);
      work[g].carry = carry[g * shape_.state].at;
      work[g].sums = sums_of(image, first_group + g);
    }
    TilePixels next = tile_pixels(shape_, k, (ceil_div(shape_.pixels(), kTilePixels) - 1) * kTilePixels);
    for (std::int64_t tile = ceil_div(shape_.pixels(), kTilePixels) - 1; tile >= 0; --tile) {
      for (std::int64_t g = 0; g < groups; ++g)
        work[g].state = states_ + state_place(shape_, image, k, first_group + g, tile);
      const TilePixels pixels = next;
      next = tile > 0 ? tile_pixels(shape_, k, (tile - 1) * kTilePixels) : TilePixels();
      scan_tile_backward(layout_, work, pixels, next, x, in_.u + at, dy_ + at, out_.u + at, k > 0, grad_x);
    }
  }

  // One row of pixels of an image.
  void add_partials(std::int64_t k, std::int64_t first_image, std::int64_t image, std::int64_t row,
                    const float* partials) const {
    const std::int64_t columns = this->columns(), stride = layout_.x_gradient_stride();
    for (std::int64_t p = row * shape_.width; p < (row + 1) * shape_.width; ++p) {
      float* to = out_.x_dbl + ((first_image + image) * shape_.pixels() + p) * layout_.x_stride + k * columns;
      std::fill_n(to, columns, 0.0f);
      for (std::int64_t b = 0; b < blocks_; ++b) {
        const float* from = partials + (image * blocks_ + b) * partial_size_ + p * stride;
        for (std::int64_t i = 0; i < 2 * shape_.state; ++i) to[shape_.dt_rank + i] += from[i];
        for (std::int64_t r = 0; r < shape_.dt_rank; ++r) to[r] += from[2 * shape_.state + r];
      }
    }
  }

  // The parameters' gradients of one direction: sums over the images.
  void add_sums(std::int64_t k) {
    parallel_for(weights_.groups(), [&](std::int64_t group) {
      const float* a2 = weights_.of(k, group).a2;
      const std::int64_t first = group * kTileChannels;
      for (std::int64_t lane = 0; lane < std::min(kTileChannels, shape_.channels - first); ++lane) {
        const std::int64_t to = k * shape_.channels + first + lane;
        const auto total = [&](std::int64_t row) {
          double sum = 0;
          for (std::int64_t image = 0; image < shape_.batch; ++image)
            sum += sums_of(image, group)[row * kTileChannels + lane];
          return sum;
        };
        for (std::int64_t n = 0; n < shape_.state; ++n) {
          const double a = std::numbers::ln2 * a2[n * kTileChannels + lane];
          out_.a_log[to * shape_.state + n] = static_cast<float>(total(n) * a);
        }
        for (std::int64_t r = 0; r < shape_.dt_rank; ++r)
          out_.dt_weight[to * shape_.dt_rank + r] = static_cast<float>(total(shape_.state + r));
        out_.dt_bias[to] = static_cast<float>(total(shape_.state + shape_.dt_rank));
        out_.skip[to] = static_cast<float>(total(shape_.state + shape_.dt_rank + 1));
      }
    });
  }

  float* sums_of(std::int64_t image, std::int64_t group) {
    return sums_[(image * weights_.groups() + group) * 2 * layout_.sum_rows()].at;
  }

  const CrossScanShape shape_;
  const CrossScanInputs in_;
  const float* const states_;
  const float* const dy_;
  const CrossScanGradients out_;
  const TileLayout layout_;
  const CrossScanWeights weights_;
  const std::int64_t block_, blocks_;  // groups per block, blocks per image
  const std::int64_t image_size_, partial_size_;
  ChannelRows sums_;  // per image and group: ParameterSums and their errors, of the current direction
};

}  // namespace

void cross_scan_backward(const CrossScanShape& shape, const CrossScanInputs& in, const float* states,
                         const float* dy, const CrossScanGradients& out) {
  BackwardScan(shape, in, states, dy, out).run();
}

}  // namespace seg
