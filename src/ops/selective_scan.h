// The selective scan of Mamba over raw pointers: the plain definition, and a threaded CPU version.
#pragma once
#include <cstdint>

namespace seg {

struct ScanShape {
  std::int64_t batch = 1;
  std::int64_t groups = 1;              ///< K: B and C are shared by the channels of a group
  std::int64_t channels_per_group = 1;  ///< channels = groups * channels_per_group
  std::int64_t state = 16;              ///< N
  std::int64_t length = 1;              ///< L
  std::int64_t channels() const { return groups * channels_per_group; }
};

/// Inputs, C-order. h_l = exp(delta_l A) h_(l-1) + delta_l B_l u_l; y_l = <C_l, h_l> + D u_l, then y *
/// silu(z). Source: mamba's selective_scan_ref.
template <class T>
struct ScanInputs {
  const T* u = nullptr;           ///< [batch, channels, L]
  const T* delta = nullptr;       ///< [batch, channels, L]
  const T* a = nullptr;           ///< [channels, N], negative
  const T* b = nullptr;           ///< [batch, groups, N, L]
  const T* c = nullptr;           ///< [batch, groups, N, L]
  const T* skip = nullptr;        ///< D [channels]; nullptr for none
  const T* z = nullptr;           ///< [batch, channels, L]; nullptr for none
  const T* delta_bias = nullptr;  ///< [channels]; nullptr for none
  bool delta_softplus = true;     ///< softplus(delta + bias), the identity above 20
};

/// Gradients in the layout of the inputs; those of absent inputs stay nullptr. All are overwritten.
template <class T>
struct ScanGradients {
  T *u = nullptr, *delta = nullptr, *a = nullptr, *b = nullptr, *c = nullptr, *skip = nullptr, *z = nullptr,
    *delta_bias = nullptr;
};

/// The definition, one loop after the other: what every faster version is compared with. T is float or
/// double.
template <class T>
void selective_scan_reference(const ScanShape& shape, const ScanInputs<T>& in, T* y);
template <class T>
void selective_scan_backward_reference(const ScanShape& shape, const ScanInputs<T>& in, const T* dy,
                                       const ScanGradients<T>& out);

/// Threaded CPU version; bit-equal for any thread count.
void selective_scan_forward(const ScanShape& shape, const ScanInputs<float>& in, float* y);
void selective_scan_backward(const ScanShape& shape, const ScanInputs<float>& in, const float* dy,
                             const ScanGradients<float>& out);

}  // namespace seg
