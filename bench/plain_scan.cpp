#include "plain_scan.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace seg::bench {
namespace {

std::int64_t pixel_at(const CrossScanShape& s, int k, std::int64_t l) {
  if (k >= 2) l = s.pixels() - 1 - l;
  return k % 2 == 0 ? l : l % s.height * s.width + l / s.height;
}

float softplus(float x) {
  return x > 20 ? x : std::log1p(std::exp(x));
}

// One image, direction and channel.
struct Lane {
  Lane(const CrossScanShape& shape, const CrossScanInputs& inputs, std::int64_t image_index, int direction,
       std::int64_t channel)
      : s(shape), in(inputs), image(image_index), k(direction), d(channel), a(shape.state) {
    row = k * s.channels + d;
    for (std::int64_t n = 0; n < s.state; ++n) a[n] = -std::exp(in.a_log[row * s.state + n]);
  }
  std::int64_t pixel(std::int64_t l) const { return image * s.pixels() + pixel_at(s, k, l); }
  std::int64_t x_at(std::int64_t l) const { return (pixel(l) * 4 + k) * (s.dt_rank + 2 * s.state); }
  float projection(const float* x) const {
    float sum = in.dt_bias[row];
    for (std::int64_t r = 0; r < s.dt_rank; ++r) sum += in.dt_weight[row * s.dt_rank + r] * x[r];
    return sum;
  }

  const CrossScanShape& s;
  const CrossScanInputs& in;
  std::int64_t image;
  int k;
  std::int64_t d, row = 0;
  std::vector<float> a;
};

template <class Body>
void for_each_lane(const CrossScanShape& s, const CrossScanInputs& in, Body body) {
  for (std::int64_t image = 0; image < s.batch; ++image) {
    for (int k = 0; k < 4; ++k) {
      for (std::int64_t d = 0; d < s.channels; ++d) body(Lane(s, in, image, k, d));
    }
  }
}

void lane_backward(const Lane& lane, const float* dy, const CrossScanGradients& out,
                   std::vector<float>& states) {
  const CrossScanShape& s = lane.s;
  const std::int64_t n_states = s.state;
  std::vector<float> dh(n_states, 0.0f);
  std::fill_n(states.begin(), n_states, 0.0f);
  for (std::int64_t l = 0; l < s.pixels(); ++l) {
    const float* x = lane.in.x_dbl + lane.x_at(l);
    const float dt = softplus(lane.projection(x)), u = lane.in.u[lane.pixel(l) * s.channels + lane.d];
    const float* h = states.data() + l * n_states;
    for (std::int64_t n = 0; n < n_states; ++n) {
      states[(l + 1) * n_states + n] = std::exp(dt * lane.a[n]) * h[n] + dt * u * x[s.dt_rank + n];
    }
  }
  for (std::int64_t l = s.pixels() - 1; l >= 0; --l) {
    const std::int64_t at = lane.pixel(l) * s.channels + lane.d;
    const float* x = lane.in.x_dbl + lane.x_at(l);
    float* dx = out.x_dbl + lane.x_at(l);
    const float before = lane.projection(x), dt = softplus(before), u = lane.in.u[at], g = dy[at];
    const float* h = states.data() + l * n_states;
    float du = g * lane.in.skip[lane.row], ddt = 0;
    out.skip[lane.row] += g * u;
    for (std::int64_t n = 0; n < n_states; ++n) {
      const float b = x[s.dt_rank + n], decay = std::exp(dt * lane.a[n]);
      dx[s.dt_rank + n_states + n] += g * h[n_states + n];
      dh[n] += g * x[s.dt_rank + n_states + n];
      dx[s.dt_rank + n] += dh[n] * dt * u;
      du += dh[n] * dt * b;
      ddt += dh[n] * (lane.a[n] * decay * h[n] + b * u);
      out.a_log[lane.row * n_states + n] += dh[n] * dt * decay * h[n] * lane.a[n];
      dh[n] *= decay;
    }
    ddt *= 1 / (1 + std::exp(-before));
    out.u[at] += du;
    out.dt_bias[lane.row] += ddt;
    for (std::int64_t r = 0; r < s.dt_rank; ++r) {
      out.dt_weight[lane.row * s.dt_rank + r] += ddt * x[r];
      dx[r] += ddt * lane.in.dt_weight[lane.row * s.dt_rank + r];
    }
  }
}

}  // namespace

void plain_scan_forward(const CrossScanShape& s, const CrossScanInputs& in, float* y) {
  std::fill_n(y, s.batch * s.pixels() * s.channels, 0.0f);
  std::vector<float> h(s.state);
  for_each_lane(s, in, [&](const Lane& lane) {
    std::fill(h.begin(), h.end(), 0.0f);
    for (std::int64_t l = 0; l < s.pixels(); ++l) {
      const std::int64_t at = lane.pixel(l) * s.channels + lane.d;
      const float* x = in.x_dbl + lane.x_at(l);
      const float dt = softplus(lane.projection(x)), u = in.u[at];
      float sum = in.skip[lane.row] * u;
      for (std::int64_t n = 0; n < s.state; ++n) {
        h[n] = std::exp(dt * lane.a[n]) * h[n] + dt * u * x[s.dt_rank + n];
        sum += x[s.dt_rank + s.state + n] * h[n];
      }
      y[at] += sum;
    }
  });
}

void plain_scan_backward(const CrossScanShape& s, const CrossScanInputs& in, const float* dy,
                         const CrossScanGradients& out) {
  const std::int64_t rows = 4 * s.channels, pixels = s.batch * s.pixels();
  std::fill_n(out.u, pixels * s.channels, 0.0f);
  std::fill_n(out.x_dbl, pixels * 4 * (s.dt_rank + 2 * s.state), 0.0f);
  std::fill_n(out.dt_weight, rows * s.dt_rank, 0.0f);
  std::fill_n(out.dt_bias, rows, 0.0f);
  std::fill_n(out.a_log, rows * s.state, 0.0f);
  std::fill_n(out.skip, rows, 0.0f);
  std::vector<float> states((s.pixels() + 1) * s.state);
  for_each_lane(s, in, [&](const Lane& lane) { lane_backward(lane, dy, out, states); });
}

}  // namespace seg::bench
