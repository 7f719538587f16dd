#include "ops/cross_scan.h"

#include <algorithm>
#include <cstring>

#include "base/threads.h"
#include "ops/cross_scan_layout.h"
#include "ops/scan_tile.h"

namespace seg {
namespace {

// More groups of channels walk an image together, fewer threads share x_dbl; but all should have the same
// work. Channels do not mix, so this choice cannot change a result.
std::int64_t groups_per_task(std::int64_t groups, std::int64_t batch) {
  std::int64_t best = 1, best_work = std::numeric_limits<std::int64_t>::max();
  for (std::int64_t size = 1; size <= 4; ++size) {
    const std::int64_t tasks = batch * ceil_div(groups, size);
    const std::int64_t work = ceil_div(tasks, thread_count()) * size;  // groups that the busiest thread scans
    if (work <= best_work) best = size, best_work = work;
  }
  return best;
}

// Neighbouring groups of channels of one image.
struct Task {
  std::int64_t image, first_group, groups;
};

class ForwardScan {
 public:
  ForwardScan(const CrossScanShape& shape, const CrossScanInputs& in, float* y, float* states)
      : shape_(shape), in_(in), y_(y), states_(states), layout_(tile_layout(shape)), weights_(shape, in) {}

  void run() const {
    const std::int64_t size = groups_per_task(weights_.groups(), shape_.batch);
    const std::int64_t per_image = ceil_div(weights_.groups(), size);
    parallel_for(shape_.batch * per_image, [&](std::int64_t i) {
      const std::int64_t first = i % per_image * size;
      run({i / per_image, first, std::min(size, weights_.groups() - first)});
    });
  }

 private:
  void run(const Task& task) const {
    ChannelRows state(task.groups * shape_.state);
    for (std::int64_t k = 0; k < shape_.directions; ++k) {
      std::fill(state.begin(), state.end(), ChannelRow());
      TilePixels next = tile_pixels(shape_, k, 0);
      for (std::int64_t first = 0; first < shape_.pixels(); first += kTilePixels) {
        const TilePixels pixels = next;
        if (first + kTilePixels < shape_.pixels()) {
          next = tile_pixels(shape_, k, first + kTilePixels);
          prefetch(task, k, next);
        }
        for (std::int64_t g = 0; g < task.groups; ++g) {
          ChannelRow* here = state.data() + g * shape_.state;
          if (states_ != nullptr) {
            std::memcpy(
                states_ + state_place(shape_, task.image, k, task.first_group + g, first / kTilePixels), here,
                shape_.state * sizeof(ChannelRow));
          }
          scan(task.image, k, task.first_group + g, pixels, here);
        }
      }
    }
  }

  void scan(std::int64_t image, std::int64_t k, std::int64_t group, const TilePixels& pixels,
            ChannelRow* state) const {
    const std::int64_t channel = group * kTileChannels;
    const std::int64_t at = image * shape_.pixels() * shape_.channels + channel;
    scan_tile_forward(layout_, weights_.of(k, group), pixels,
                      std::min(kTileChannels, shape_.channels - channel), x_dbl(image, k), in_.u + at,
                      state->at, y_ + at, k > 0);
  }

  const float* x_dbl(std::int64_t image, std::int64_t k) const {
    return in_.x_dbl + image * shape_.pixels() * layout_.x_stride + k * (shape_.dt_rank + 2 * shape_.state);
  }

  void prefetch(const Task& task, std::int64_t k, const TilePixels& pixels) const {
    const std::int64_t at = task.image * shape_.pixels() * shape_.channels + task.first_group * kTileChannels;
    const std::int64_t channels =
        std::min(task.groups * kTileChannels, shape_.channels - task.first_group * kTileChannels);
    prefetch_rows(pixels, in_.u + at, shape_.channels, channels);
    prefetch_rows(pixels, y_ + at, shape_.channels, channels);
    prefetch_rows(pixels, x_dbl(task.image, k), layout_.x_stride, shape_.dt_rank + 2 * shape_.state);
  }

  const CrossScanShape shape_;
  const CrossScanInputs in_;
  float* const y_;
  float* const states_;
  const TileLayout layout_;
  const PackedWeights weights_;
};

}  // namespace

std::int64_t cross_scan_states_size(const CrossScanShape& shape) {
  return state_place(shape, shape.batch, 0, 0, 0);
}

void cross_scan_forward(const CrossScanShape& shape, const CrossScanInputs& in, float* y, float* states) {
  ForwardScan(shape, in, y, states).run();
}

}  // namespace seg
