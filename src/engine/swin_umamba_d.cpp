// Swin-UMamba†, the same as net/swin_umamba_d.
#include <fmt/format.h>

#include "engine/networks.h"
#include "engine/vss.h"

namespace seg::engine {

Map build_swin_umamba_d(Builder& builder, const Map& image, const ImageShape& shape) {
  constexpr std::int64_t kBlocks = 2, kLastFactor = 4;
  const auto encoded = add_vss_encoder(builder, "vssm_encoder", image, 4);
  Map x = encoded.back();
  const std::size_t last = encoded.size() - 1;
  const auto expand = [&](std::size_t stage, std::int64_t factor, std::int64_t out) {
    const std::string name = fmt::format("decoder.expand_layers.{}", stage);
    return builder.expand_and_norm(
        name + ".norm", builder.linear(name + ".expand", x, factor * factor * out, false), factor, out);
  };
  for (std::size_t stage = 0; stage < last; ++stage) {
    const Map& skip = encoded[last - 1 - stage];
    const Map y = expand(stage, 2, skip.channels);
    // A linear layer of the two maps side by side is the sum of one of each.
    x = builder.linear_of_two(fmt::format("decoder.concat_back_dim.{}", stage), y, skip, skip.channels);
    for (std::int64_t block = 0; block < kBlocks; ++block)
      add_vss_block(builder, fmt::format("decoder.stages.{}.blocks.{}", stage, block), x);
  }
  x = expand(last, kLastFactor, encoded[0].channels);
  return builder.head(fmt::format("decoder.seg_layers.{}", last), x, shape.classes);
}

}  // namespace seg::engine
