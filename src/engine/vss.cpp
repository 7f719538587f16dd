#include "engine/vss.h"

#include <fmt/format.h>

#include <array>

#include "ops/cross_scan.h"

namespace seg::engine {
namespace {

constexpr std::int64_t kDirections = 4, kState = 16, kExpand = 2;
constexpr std::array<std::int64_t, 4> kDepths{2, 2, 9, 2}, kDims{96, 192, 384, 768};

Map add_scan(Builder& builder, const std::string& name, const Map& u) {
  const std::int64_t inner = u.channels, rank = (inner / kExpand + 15) / 16, rows = rank + 2 * kState;
  const auto weight = builder.constant(name + ".x_proj_weight", {kDirections, rows, inner});
  const Map x_dbl = builder.product(*weight, {}, u, kDirections * rows);
  const Map y = builder.graph().map(inner, u.height, u.width, Layout::pixels);
  const auto dt_weight = builder.constant(name + ".dt_projs_weight", {kDirections, inner, rank});
  const auto dt_bias = builder.constant(name + ".dt_projs_bias", {kDirections, inner});
  const auto a_log = builder.constant(name + ".A_logs", {kDirections * inner, kState});
  const auto skip = builder.constant(name + ".Ds", {kDirections * inner});
  const CrossScanShape shape{1, u.height, u.width, inner, kState, rank, kDirections};
  // 9 operations per state, as the reference counts them, and the step sizes' product.
  const auto values = static_cast<double>(kDirections * u.pixels() * inner);
  const Work work{values * static_cast<double>(9 * kState + 2 * rank)};
  const auto run = [=](const Memory& memory) {
    const CrossScanInputs inputs{memory.at(u),    memory.at(x_dbl), dt_weight->data(),
                                 dt_bias->data(), a_log->data(),    skip->data()};
    cross_scan_forward(shape, inputs, memory.at(y));
  };
  builder.graph().step("scan", {u, x_dbl, y}, run, work);
  return y;
}

}  // namespace

void add_vss_block(Builder& builder, const std::string& name, const Map& x) {
  const std::string scan = name + ".self_attention";
  const std::int64_t inner = kExpand * x.channels;
  const Map normed = builder.layer_norm(name + ".ln_1", x);
  const auto half = [&](std::int64_t first, Builder::Finish finish) {
    return builder.linear(scan + ".in_proj", normed, 2 * inner, false, finish, Builder::Rows{first, inner});
  };
  const Map input = half(0, Builder::Finish::none), gate = half(inner, Builder::Finish::silu);
  const Map u = builder.depthwise_silu(scan + ".conv2d", input);
  const Map y = builder.layer_norm(scan + ".out_norm", add_scan(builder, scan, u), &gate);
  builder.linear_onto(scan + ".out_proj", y, x);
}

std::vector<Map> add_vss_encoder(Builder& builder, const std::string& name, const Map& x,
                                 std::int64_t patch) {
  std::vector<Map> stages;
  Map y = builder.patch_embed(name + ".patch_embed", x, patch, kDims[0]);
  for (std::size_t stage = 0; stage < kDims.size(); ++stage) {
    for (std::int64_t block = 0; block < kDepths[stage]; ++block)
      add_vss_block(builder, fmt::format("{}.layers.{}.blocks.{}", name, stage, block), y);
    stages.push_back(y);
    if (stage + 1 == kDims.size()) break;
    const std::string merging = fmt::format("{}.downsamples.{}", name, stage);
    y = builder.linear(merging + ".reduction", builder.merge_and_norm(merging + ".norm", y), kDims[stage + 1],
                       false);
  }
  return stages;
}

}  // namespace seg::engine
