#include "ops/cross_scan.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/threads.h"
#include "ops/selective_scan.h"

namespace seg {
namespace {

constexpr std::int64_t kDirections = 4;

std::int64_t pixel_at(const CrossScanShape& s, std::int64_t direction, std::int64_t step) {
  if (direction >= 2) step = s.pixels() - 1 - step;
  return direction % 2 == 0 ? step : (step % s.height) * s.width + step / s.height;
}

// The operands of the four scans in the layout of selective_scan.h (one group a direction).
struct Expanded {
  Expanded(const CrossScanShape& s, const CrossScanInputs& in)
      : shape{s.batch, kDirections, s.channels, s.state, s.pixels()},
        u(s.batch * kDirections * s.channels * s.pixels()),
        delta(u.size()),
        b(s.batch * kDirections * s.state * s.pixels()),
        c(b.size()),
        a(kDirections * s.channels * s.state) {
    for (std::size_t i = 0; i < a.size(); ++i) a[i] = -std::exp(in.a_log[i]);
    const std::int64_t columns = s.dt_rank + 2 * s.state, length = s.pixels();
    parallel_for(s.batch * kDirections, [&](std::int64_t task) {
      const std::int64_t image = task / kDirections, k = task % kDirections;
      for (std::int64_t l = 0; l < length; ++l) {
        const std::int64_t pixel = image * length + pixel_at(s, k, l);
        const float* x = in.x_dbl + (pixel * kDirections + k) * columns;
        for (std::int64_t n = 0; n < s.state; ++n) {
          b[(task * s.state + n) * length + l] = x[s.dt_rank + n];
          c[(task * s.state + n) * length + l] = x[s.dt_rank + s.state + n];
        }
        for (std::int64_t d = 0; d < s.channels; ++d) {
          const float* weight = in.dt_weight + (k * s.channels + d) * s.dt_rank;
          float sum = 0;
          for (std::int64_t r = 0; r < s.dt_rank; ++r) sum += weight[r] * x[r];
          u[(task * s.channels + d) * length + l] = in.u[pixel * s.channels + d];
          delta[(task * s.channels + d) * length + l] = sum;
        }
      }
    });
  }
  ScanInputs<float> inputs(const CrossScanInputs& in) const {
    return {u.data(), delta.data(), a.data(), b.data(), c.data(), in.skip, nullptr, in.dt_bias, true};
  }
  ScanShape shape;
  std::vector<float> u, delta, b, c, a;
};

}  // namespace

void cross_scan_forward(const CrossScanShape& s, const CrossScanInputs& in, float* y) {
  const Expanded e(s, in);
  const std::int64_t length = s.pixels();
  std::vector<float> ys(e.u.size());
  selective_scan_forward(e.shape, e.inputs(in), ys.data());
  std::fill_n(y, s.batch * length * s.channels, 0.0f);
  parallel_for(s.batch, [&](std::int64_t image) {
    for (std::int64_t k = 0; k < kDirections; ++k) {
      for (std::int64_t l = 0; l < length; ++l) {
        float* to = y + (image * length + pixel_at(s, k, l)) * s.channels;
        const float* from = ys.data() + (image * kDirections + k) * s.channels * length + l;
        for (std::int64_t d = 0; d < s.channels; ++d) to[d] += from[d * length];
      }
    }
  });
}

void cross_scan_backward(const CrossScanShape& s, const CrossScanInputs& in, const float* dy,
                         const CrossScanGradients& out) {
  const Expanded e(s, in);
  const std::int64_t length = s.pixels(), columns = s.dt_rank + 2 * s.state;
  std::vector<float> dys(e.u.size()), du(e.u.size()), ddelta(e.u.size()), db(e.b.size()), dc(e.b.size());
  const auto at = [&](std::int64_t image, std::int64_t k, std::int64_t d) {
    return ((image * kDirections + k) * s.channels + d) * length;
  };
  for (std::int64_t image = 0; image < s.batch; ++image) {
    for (std::int64_t k = 0; k < kDirections; ++k) {
      for (std::int64_t l = 0; l < length; ++l) {
        const float* from = dy + (image * length + pixel_at(s, k, l)) * s.channels;
        for (std::int64_t d = 0; d < s.channels; ++d) dys[at(image, k, d) + l] = from[d];
      }
    }
  }
  selective_scan_backward(
      e.shape, e.inputs(in), dys.data(),
      {du.data(), ddelta.data(), out.a_log, db.data(), dc.data(), out.skip, nullptr, out.dt_bias});
  for (std::size_t i = 0; i < e.a.size(); ++i) out.a_log[i] *= e.a[i];
  std::fill_n(out.u, s.batch * length * s.channels, 0.0f);
  std::fill_n(out.dt_weight, kDirections * s.channels * s.dt_rank, 0.0f);
  std::fill_n(out.x_dbl, s.batch * length * kDirections * columns, 0.0f);
  parallel_for(kDirections, [&](std::int64_t k) {
    std::vector<double> weight_sum(s.channels * s.dt_rank, 0.0);
    for (std::int64_t image = 0; image < s.batch; ++image) {
      for (std::int64_t l = 0; l < length; ++l) {
        const std::int64_t pixel = image * length + pixel_at(s, k, l);
        const float* x = in.x_dbl + (pixel * kDirections + k) * columns;
        float* dx = out.x_dbl + (pixel * kDirections + k) * columns;
        for (std::int64_t n = 0; n < s.state; ++n) {
          dx[s.dt_rank + n] = db[((image * kDirections + k) * s.state + n) * length + l];
          dx[s.dt_rank + s.state + n] = dc[((image * kDirections + k) * s.state + n) * length + l];
        }
        for (std::int64_t d = 0; d < s.channels; ++d) {
          const std::int64_t row = (k * s.channels + d) * s.dt_rank;
          for (std::int64_t r = 0; r < s.dt_rank; ++r) {
            dx[r] += ddelta[at(image, k, d) + l] * in.dt_weight[row + r];
            weight_sum[d * s.dt_rank + r] += ddelta[at(image, k, d) + l] * x[r];
          }
        }
      }
    }
    std::copy(weight_sum.begin(), weight_sum.end(), out.dt_weight + k * s.channels * s.dt_rank);
  });
  for (std::int64_t image = 0; image < s.batch; ++image) {
    for (std::int64_t k = 0; k < kDirections; ++k) {
      for (std::int64_t l = 0; l < length; ++l) {
        float* to = out.u + (image * length + pixel_at(s, k, l)) * s.channels;
        for (std::int64_t d = 0; d < s.channels; ++d) to[d] += du[at(image, k, d) + l];
      }
    }
  }
}

}  // namespace seg
