#include "engine/mamba.h"

#include "engine/sequence_kernels.h"
#include "ops/cross_scan.h"
#include "ops/cross_scan_weights.h"

namespace seg::engine {

Map add_scan(Builder& builder, const Map& u, std::int64_t directions, const ScanParameters& parameters) {
  const std::int64_t inner = u.channels, rank = scan_rank(inner);
  const Map x_dbl = builder.product(parameters.x_proj, u, directions * (rank + 2 * kState));
  const Map y = builder.graph().map(inner, u.height, u.width, Layout::pixels);
  const CrossScanShape shape{1, u.height, u.width, inner, kState, rank, directions};
  // 9 operations per state, as the reference counts them, and the step sizes' product.
  const auto values = static_cast<double>(directions * u.pixels() * inner);
  const Work work{values * static_cast<double>(9 * kState + 2 * rank)};
  const auto weights = std::make_shared<const CrossScanWeights>(
      shape,
      CrossScanInputs{nullptr, nullptr, parameters.dt_weight.data(), parameters.dt_bias.data(),
                      parameters.a_log.data(), parameters.skip.data()},
      CrossScanWeights::Passes::forward, &builder.pool());
  const auto run = [=](const Memory& memory) {
    CrossScanShape all = shape;
    all.batch = memory.images();
    cross_scan_forward(all, *weights, memory.at(u), memory.at(x_dbl), memory.at(y));
  };
  builder.graph().step("scan", {u, x_dbl, y}, run, work);
  return y;
}

namespace {

/// Depthwise convolution and SiLU of the first half of the channels of x.
Map add_causal_conv(Builder& builder, const std::string& name, const Map& x) {
  const std::int64_t channels = x.channels / 2;
  const auto weight = builder.constant(name + ".weight", {channels, 1, kTaps});
  const auto bias = builder.constant(name + ".bias", {channels});
  std::vector<float> by_tap(weight->size());
  for (std::size_t i = 0; i < by_tap.size(); ++i)
    by_tap[i % kTaps * static_cast<std::size_t>(channels) + i / kTaps] = (*weight)[i];
  const Map u = builder.graph().map(channels, x.height, x.width, Layout::pixels);
  builder.graph().step("causal convolution", {x, u}, [=, taps = std::move(by_tap)](const Memory& memory) {
    causal_conv_silu({taps.data(), bias->data(), channels}, memory.images(), x.pixels(), memory.at(x),
                     x.channels, memory.at(u));
  });
  return u;
}

/// Over the pixels of x as a sequence.
Map add_mamba(Builder& builder, const std::string& name, const Map& x) {
  const std::int64_t inner = kExpand * x.channels, rank = scan_rank(inner);
  const Map both = builder.linear(name + ".in_proj", x, 2 * inner, false);  // input, and behind it the gate
  const Map u = add_causal_conv(builder, name + ".conv1d", both);
  const auto get = [&](const char* array, const std::vector<std::int64_t>& shape) {
    return builder.parameters().get(name + array, shape);
  };
  const Map y =
      add_scan(builder, u, 1,
               {get(".x_proj.weight", {rank + 2 * kState, inner}), get(".dt_proj.weight", {inner, rank}),
                get(".dt_proj.bias", {inner}), get(".A_log", {inner, kState}), get(".D", {inner})});
  builder.graph().step("gate", {both, y}, [=](const Memory& memory) {
    gate_silu(memory.images() * y.pixels(), inner, memory.at(both) + inner, both.channels, memory.at(y));
  });
  return builder.linear(name + ".out_proj", y, x.channels, false);
}

}  // namespace

Map add_mamba_layer(Builder& builder, const std::string& name, const Map& x, bool channel_tokens) {
  Map tokens = builder.in_layout(x, channel_tokens ? Layout::planar : Layout::pixels);
  if (channel_tokens) {  // [C, H, W] is [tokens, features]
    tokens.layout = Layout::pixels;
    tokens.height = x.channels, tokens.width = 1;
    tokens.channels = x.pixels();
  }
  Map y = add_mamba(builder, name + ".mamba", builder.layer_norm(name + ".norm", tokens));
  if (channel_tokens) {
    y.layout = Layout::planar;
    y.height = x.height, y.width = x.width;
    y.channels = x.channels;
  }
  return builder.in_layout(y, Layout::blocked);
}

}  // namespace seg::engine
