#include <algorithm>
#include <cmath>
#include <vector>

#include "ops/selective_scan.h"

namespace seg {
namespace {

// PyTorch's softplus: the identity above 20.
template <class T>
T softplus(T x) {
  return x > T(20) ? x : std::log1p(std::exp(x));
}

template <class T>
T sigmoid(T x) {
  return T(1) / (T(1) + std::exp(-x));
}

// The arrays of one (batch, channel), moved to where they start.
template <class T>
struct Channel {
  Channel(const ScanShape& shape, const ScanInputs<T>& in, std::int64_t batch_index, std::int64_t channel)
      : row((batch_index * shape.channels() + channel) * shape.length),
        shared((batch_index * shape.groups + channel / shape.channels_per_group) * shape.state *
               shape.length),
        u(in.u + row),
        delta(in.delta + row),
        a(in.a + channel * shape.state),
        b(in.b + shared),
        c(in.c + shared),
        bias(in.delta_bias != nullptr ? in.delta_bias[channel] : T(0)),
        skip(in.skip != nullptr ? in.skip[channel] : T(0)) {}

  std::int64_t row;     // where the channel's values start in u, delta, y, z
  std::int64_t shared;  // where its group's values start in b, c
  const T *u, *delta, *a, *b, *c;
  T bias, skip;
};

template <class T>
void zero(T* values, std::int64_t count) {
  if (values != nullptr) std::fill_n(values, count, T(0));
}

// Adds one channel's share to the gradients that are sums (a, b, c, skip, delta_bias), sets the others.
// `states` is scratch of (L + 1) * N values: h before every step, and the last one.
template <class T>
void channel_backward(const ScanShape& shape, const ScanInputs<T>& in, std::int64_t channel_index,
                      const Channel<T>& ch, const T* dy, const ScanGradients<T>& out, T* states) {
  const std::int64_t n_states = shape.state, length = shape.length;
  std::vector<T> step_size(length), y(length, T(0)), dh(n_states, T(0));
  std::fill_n(states, n_states, T(0));
  for (std::int64_t l = 0; l < length; ++l) {
    const T x = ch.delta[l] + ch.bias;
    step_size[l] = in.delta_softplus ? softplus(x) : x;
    for (std::int64_t n = 0; n < n_states; ++n) {
      const T before = states[l * n_states + n];
      T& h = states[(l + 1) * n_states + n];
      h = std::exp(step_size[l] * ch.a[n]) * before + step_size[l] * ch.b[n * length + l] * ch.u[l];
      y[l] += ch.c[n * length + l] * h;
    }
    y[l] += ch.skip * ch.u[l];
  }
  // Sums over the whole length are kept in double: a float sum of 100000 terms loses two digits.
  double skip_sum = 0, bias_sum = 0;
  std::vector<double> a_sum(n_states, 0.0);
  for (std::int64_t l = length - 1; l >= 0; --l) {
    T g = dy[ch.row + l];
    if (in.z != nullptr) {
      const T z = in.z[ch.row + l], s = sigmoid(z);
      out.z[ch.row + l] = g * y[l] * s * (T(1) + z * (T(1) - s));
      g *= z * s;
    }
    const T d = step_size[l], u = ch.u[l];
    T du = g * ch.skip, dd = 0;
    skip_sum += g * u;
    for (std::int64_t n = 0; n < n_states; ++n) {
      const std::int64_t at = n * length + l;
      const T decay = std::exp(d * ch.a[n]), decayed = decay * states[l * n_states + n];
      out.c[ch.shared + at] += g * states[(l + 1) * n_states + n];
      dh[n] += g * ch.c[at];
      a_sum[n] += dh[n] * d * decayed;
      out.b[ch.shared + at] += dh[n] * d * u;
      du += dh[n] * d * ch.b[at];
      dd += dh[n] * (ch.a[n] * decayed + ch.b[at] * u);
      dh[n] *= decay;
    }
    if (in.delta_softplus) dd *= sigmoid(ch.delta[l] + ch.bias);
    out.u[ch.row + l] = du;
    out.delta[ch.row + l] = dd;
    bias_sum += dd;
  }
  for (std::int64_t n = 0; n < n_states; ++n) out.a[channel_index * n_states + n] += static_cast<T>(a_sum[n]);
  if (out.skip != nullptr) out.skip[channel_index] += static_cast<T>(skip_sum);
  if (out.delta_bias != nullptr) out.delta_bias[channel_index] += static_cast<T>(bias_sum);
}

}  // namespace

template <class T>
void selective_scan_reference(const ScanShape& shape, const ScanInputs<T>& in, T* y) {
  std::vector<T> h(shape.state);
  for (std::int64_t i = 0; i < shape.batch * shape.channels(); ++i) {
    const Channel<T> ch(shape, in, i / shape.channels(), i % shape.channels());
    std::fill(h.begin(), h.end(), T(0));
    for (std::int64_t l = 0; l < shape.length; ++l) {
      const T x = ch.delta[l] + ch.bias, d = in.delta_softplus ? softplus(x) : x;
      T sum = 0;
      for (std::int64_t n = 0; n < shape.state; ++n) {
        const std::int64_t at = n * shape.length + l;
        h[n] = std::exp(d * ch.a[n]) * h[n] + d * ch.b[at] * ch.u[l];
        sum += ch.c[at] * h[n];
      }
      sum += ch.skip * ch.u[l];
      if (in.z != nullptr) sum *= in.z[ch.row + l] * sigmoid(in.z[ch.row + l]);
      y[ch.row + l] = sum;
    }
  }
}

template <class T>
void selective_scan_backward_reference(const ScanShape& shape, const ScanInputs<T>& in, const T* dy,
                                       const ScanGradients<T>& out) {
  zero(out.a, shape.channels() * shape.state);
  zero(out.b, shape.batch * shape.groups * shape.state * shape.length);
  zero(out.c, shape.batch * shape.groups * shape.state * shape.length);
  zero(out.skip, shape.channels());
  zero(out.delta_bias, shape.channels());
  std::vector<T> states((shape.length + 1) * shape.state);
  for (std::int64_t i = 0; i < shape.batch * shape.channels(); ++i) {
    const std::int64_t channel = i % shape.channels();
    const Channel<T> ch(shape, in, i / shape.channels(), channel);
    channel_backward(shape, in, channel, ch, dy, out, states.data());
  }
}

template void selective_scan_reference(const ScanShape&, const ScanInputs<float>&, float*);
template void selective_scan_reference(const ScanShape&, const ScanInputs<double>&, double*);
template void selective_scan_backward_reference(const ScanShape&, const ScanInputs<float>&, const float*,
                                                const ScanGradients<float>&);
template void selective_scan_backward_reference(const ScanShape&, const ScanInputs<double>&, const double*,
                                                const ScanGradients<double>&);

}  // namespace seg
