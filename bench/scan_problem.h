// Made-up data of a cross scan at a size of SwinUMamba on a 320x320 image.
#pragma once
#include <cmath>
#include <vector>

#include "base/rng.h"
#include "ops/cross_scan.h"

namespace seg::bench {

class ScanProblem {
 public:
  explicit ScanProblem(std::int64_t channels)
      : shape{1, 15360 / channels, 15360 / channels, channels, 16, channels / 32} {
    Rng rng(channels);
    const auto fill = [&](std::vector<float>& values, std::int64_t count, double mean, double spread) {
      values.resize(count);
      for (float& value : values) value = static_cast<float>(mean + spread * rng.normal());
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
    y.resize(u.size());
    states.resize(cross_scan_states_size(shape));
    cross_scan_forward(shape, inputs(), y.data(), states.data());
  }

  CrossScanInputs inputs() const {
    return {u.data(), x_dbl.data(), dt_weight.data(), dt_bias.data(), a_log.data(), skip.data()};
  }
  CrossScanGradients outputs() {
    return {gradients[0].data(), gradients[1].data(), gradients[2].data(),
            gradients[3].data(), gradients[4].data(), gradients[5].data()};
  }
  double elements() const { return 4.0 * shape.channels * shape.pixels(); }

  const CrossScanShape shape;
  std::vector<float> u, dy, x_dbl, dt_weight, dt_bias, a_log, skip, y, states;
  std::vector<std::vector<float>> gradients;
};

}  // namespace seg::bench
