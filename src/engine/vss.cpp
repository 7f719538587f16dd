#include "engine/vss.h"

#include <fmt/format.h>

#include <array>

#include "engine/mamba.h"

namespace seg::engine {
namespace {

constexpr std::int64_t kDirections = 4;
constexpr std::array<std::int64_t, 4> kDepths{2, 2, 9, 2}, kDims{96, 192, 384, 768};

Map add_cross_scan(Builder& builder, const std::string& name, const Map& u) {
  const std::int64_t inner = u.channels, rank = scan_rank(inner), rows = rank + 2 * kState;
  const auto get = [&](const char* array, const std::vector<std::int64_t>& shape) {
    return builder.parameters().get(name + array, shape);
  };
  return add_scan(
      builder, u, kDirections,
      {get(".x_proj_weight", {kDirections, rows, inner}), get(".dt_projs_weight", {kDirections, inner, rank}),
       get(".dt_projs_bias", {kDirections, inner}), get(".A_logs", {kDirections * inner, kState}),
       get(".Ds", {kDirections * inner})});
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
  const Map y = builder.layer_norm(scan + ".out_norm", add_cross_scan(builder, scan, u), &gate);
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
