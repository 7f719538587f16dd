#include "ops/cross_scan.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include "base/threads.h"
#include "ops/cross_scan_layout.h"
#include "ops/cross_scan_weights.h"
#include "ops/scan_tile.h"

namespace seg {
namespace {

// More groups of channels walk an image together, fewer threads share x_dbl; but all should have the same
// work. Channels do not mix, so this choice cannot change a result.
std::int64_t groups_per_task(std::int64_t groups, std::int64_t batch) {
  std::int64_t best = 1, best_work = std::numeric_limits<std::int64_t>::max();
  for (std::int64_t size = 1; size <= kMaxGroups; ++size) {
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
  ForwardScan(const CrossScanShape& shape, const CrossScanWeights& weights, const float* u,
              const float* x_dbl, float* y, float* states)
      : shape_(shape),
        weights_(weights),
        u_(u),
        x_dbl_(x_dbl),
        y_(y),
        states_(states),
        layout_(tile_layout(shape)) {}

  void run() const {
    const std::int64_t size = groups_per_task(weights_.groups(), shape_.batch);
    const std::int64_t per_image = ceil_div(weights_.groups(), size);
    parallel_for_apart(shape_.batch * per_image, [&](std::int64_t i) {
      const std::int64_t first = i % per_image * size;
      run({i / per_image, first, std::min(size, weights_.groups() - first)});
    });
  }

 private:
  void run(const Task& task) const {
    const std::int64_t at = task.image * shape_.pixels() * shape_.channels + task.first_group * kTileChannels;
    ChannelRows state(task.groups * shape_.state);
    std::vector<ForwardGroup> groups(task.groups);
    for (std::int64_t k = 0; k < shape_.directions; ++k) {
      std::fill(state.begin(), state.end(), ChannelRow());
      for (std::int64_t g = 0; g < task.groups; ++g) {
        const std::int64_t group = task.first_group + g;
        groups[g] = {weights_.of(k, group), std::min(kTileChannels, shape_.channels - group * kTileChannels),
                     state[g * shape_.state].at};
      }
      TilePixels next = tile_pixels(shape_, k, 0);
      for (std::int64_t first = 0; first < shape_.pixels(); first += kTilePixels) {
        const TilePixels pixels = next;
        next = tile_pixels(shape_, k, first + kTilePixels);
        if (states_ != nullptr) keep(task, k, first / kTilePixels, state);
        scan_tile_forward(layout_, groups, pixels, next, x_dbl(task.image, k), u_ + at, y_ + at, k > 0);
      }
    }
  }

  void keep(const Task& task, std::int64_t k, std::int64_t tile, const ChannelRows& state) const {
    for (std::int64_t g = 0; g < task.groups; ++g) {
      std::memcpy(states_ + state_place(shape_, task.image, k, task.first_group + g, tile),
                  state.data() + g * shape_.state, shape_.state * sizeof(ChannelRow));
    }
  }

  const float* x_dbl(std::int64_t image, std::int64_t k) const {
    return x_dbl_ + image * shape_.pixels() * layout_.x_stride + k * (shape_.dt_rank + 2 * shape_.state);
  }

  const CrossScanShape shape_;
  const CrossScanWeights& weights_;
  const float *const u_, *const x_dbl_;
  float *const y_, *const states_;
  const TileLayout layout_;
};

}  // namespace

std::int64_t cross_scan_states_size(const CrossScanShape& shape) {
  return state_place(shape, shape.batch, 0, 0, 0);
}

void cross_scan_forward(const CrossScanShape& shape, const CrossScanWeights& weights, const float* u,
                        const float* x_dbl, float* y, float* states) {
  ForwardScan(shape, weights, u, x_dbl, y, states).run();
}

void cross_scan_forward(const CrossScanShape& shape, const CrossScanInputs& in, float* y, float* states) {
  cross_scan_forward(shape, CrossScanWeights(shape, in, CrossScanWeights::Passes::forward), in.u, in.x_dbl, y,
                     states);
}

}  // namespace seg
