// What a Mamba layer does to its sequence beside products and the scan. Vectorised for the instruction sets
// of the machine; bit-equal for any number of threads.
#pragma once
#include <cstdint>

namespace seg::engine {

inline constexpr std::int64_t kTaps = 4;  ///< width of Mamba's convolution

/// Depthwise convolution over tokens, each seeing itself and the three before it.
struct CausalConv {
  const float* weight = nullptr;  ///< [kTaps, channels], the last for the token itself
  const float* bias = nullptr;    ///< [channels]
  std::int64_t channels = 0;
};

/// u [images, length, channels] = SiLU(conv(x)); rows of x are `stride` values apart.
void causal_conv_silu(const CausalConv& conv, std::int64_t images, std::int64_t length, const float* x,
                      std::int64_t stride, float* u);

/// y [length, channels] *= SiLU(gate); rows of `gate` are `stride` values apart.
void gate_silu(std::int64_t length, std::int64_t channels, const float* gate, std::int64_t stride, float* y);

}  // namespace seg::engine
