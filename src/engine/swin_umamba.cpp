// Swin-UMamba, the same as net/swin_umamba.
#include <array>

#include "engine/networks.h"
#include "engine/vss.h"

namespace seg::engine {
namespace {

constexpr std::array<std::int64_t, 5> kFeatures{48, 96, 192, 384, 768};
constexpr float kSlope = 0.01f, kNoActivation = 1;
constexpr ConvShape kWide{3, 1, 1}, kPointwise{1, 1, 0};

/// Two 3x3 convolutions with norm and LeakyReLU around a residual path (MONAI's UnetResBlock).
Map residual_block(Builder& builder, const std::string& name, const Map& x, std::int64_t out) {
  const Map first = builder.conv(name + ".conv1.conv", x, out, kWide, false);
  builder.instance_norm("", first, kSlope);
  const Map second = builder.conv(name + ".conv2.conv", first, out, kWide, false);
  const bool changes = x.channels != out;
  const Map shortcut = changes ? builder.conv(name + ".conv3.conv", x, out, kPointwise, false) : x;
  builder.instance_norm_sum("", second, shortcut, changes, kSlope);
  return second;
}

}  // namespace

Map build_swin_umamba(Builder& builder, const Map& image, const ImageShape& shape) {
  const Map stem = builder.conv("stem.0", image, kFeatures[0], {7, 2, 3}, true);
  builder.instance_norm("stem.1", stem, kNoActivation);
  const auto encoded = add_vss_encoder(builder, "vssm_encoder", stem, 2);
  // Twice the channels of each skip: what comes from below, and behind it the skip.
  const auto up = [&](const std::string& name, const Map& below, const Map& skip) {
    const Map both = builder.graph().map(2 * skip.channels, skip.height, skip.width, Layout::blocked);
    builder.transposed_conv(name + ".transp_conv.conv", below, both.channels_from(0, skip.channels), false);
    builder.copy(skip, both.channels_from(skip.channels, skip.channels));
    return residual_block(builder, name + ".conv_block", both, skip.channels);
  };
  const auto encode = [&](const std::string& name, const Map& x, std::int64_t out) {
    return residual_block(builder, name + ".layer",
                          x.layout == Layout::pixels ? builder.in_layout(x, Layout::blocked) : x, out);
  };
  Map y = builder.in_layout(encoded[3], Layout::blocked);
  y = up("decoder6", y, encode("encoder5", encoded[2], kFeatures[4]));
  y = up("decoder5", y, encode("encoder4", encoded[1], kFeatures[3]));
  y = up("decoder4", y, encode("encoder3", encoded[0], kFeatures[2]));
  y = up("decoder3", y, encode("encoder2", stem, kFeatures[1]));
  y = up("decoder2", y, encode("encoder1", image, kFeatures[0]));
  y = residual_block(builder, "decoder1.layer", y, kFeatures[0]);
  return builder.conv("out_layers.0.conv.conv", y, shape.classes, kPointwise, true);
}

}  // namespace seg::engine
