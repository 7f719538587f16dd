// Made-up data of a cross scan at a size of SwinUMamba on a 320x320 image.
#pragma once
#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "base/memory.h"
#include "base/rng.h"
#include "ops/cross_scan.h"
#include "ops/cross_scan_weights.h"

namespace seg::bench {

/// Zeros where the networks have their arrays: from a multiple of 64 bytes on, in huge pages.
class Array {
 public:
  Array() = default;
  explicit Array(std::int64_t size) : memory_(uncleared_floats(size)), size_(size) {
    std::fill_n(data(), size, 0.0f);
  }
  float* data() const { return memory_.get(); }
  std::int64_t size() const { return size_; }

 private:
  FloatMemory memory_;
  std::int64_t size_ = 0;
};

class ScanProblem {
 public:
  explicit ScanProblem(std::int64_t channels)
      : shape{1, 15360 / channels, 15360 / channels, channels, 16, channels / 32} {
    Rng rng(channels);
    const auto fill = [&](Array& values, std::int64_t count, double mean, double spread) {
      values = Array(count);
      std::generate_n(values.data(), count, [&] { return static_cast<float>(mean + spread * rng.normal()); });
    };
    const std::int64_t rows = 4 * channels, columns = 4 * (shape.dt_rank + 2 * shape.state);
    fill(u, shape.pixels() * channels, 0, 1);
    fill(dy, shape.pixels() * channels, 0, 1);
    fill(x_dbl, shape.pixels() * columns, 0, 1);
    fill(dt_weight, rows * shape.dt_rank, 0, 0.5 / std::sqrt(shape.dt_rank));
    fill(dt_bias, rows, -4, 1);
    fill(a_log, rows * shape.state, 1.5, 0.7);
    fill(skip, rows, 1, 0.1);
    for (const auto* like : {&u, &x_dbl, &dt_weight, &dt_bias, &a_log, &skip})
      gradients.emplace_back(like->size());
    y = Array(u.size());
    states = Array(cross_scan_states_size(shape));
    weights = std::make_unique<CrossScanWeights>(shape, inputs(), CrossScanWeights::Passes::forward);
    cross_scan_forward(shape, inputs(), y.data(), states.data());
  }

  /// As the engine runs it: the parameters are packed before.
  void forward() const { cross_scan_forward(shape, *weights, u.data(), x_dbl.data(), y.data()); }

  CrossScanInputs inputs() const {
    return {u.data(), x_dbl.data(), dt_weight.data(), dt_bias.data(), a_log.data(), skip.data()};
  }
  CrossScanGradients outputs() {
    return {gradients[0].data(), gradients[1].data(), gradients[2].data(),
            gradients[3].data(), gradients[4].data(), gradients[5].data()};
  }
  double elements() const { return 4.0 * shape.channels * shape.pixels(); }

  const CrossScanShape shape;
  Array u, dy, x_dbl, dt_weight, dt_bias, a_log, skip, y, states;
  std::vector<Array> gradients;
  std::unique_ptr<const CrossScanWeights> weights;
};

}  // namespace seg::bench
