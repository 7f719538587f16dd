// The plan-dependent U-Nets: nnU-Net's, the same as net/nnunet, and U-Mamba's present code, as net/umamba.
#include <fmt/format.h>

#include "engine/mamba.h"
#include "engine/networks.h"

namespace seg::engine {
namespace {

constexpr float kSlope = 0.01f;
constexpr ConvShape kPointwise{1, 1, 0};

/// What a stage makes of its input.
struct Stage {
  std::int64_t out, blocks;
  Size2d kernel, stride{1, 1};

  ConvShape conv() const { return {kernel, stride, Size2d{kernel[0] / 2, kernel[1] / 2}}; }
};
using AddStage = Map (*)(Builder& builder, const std::string& name, Map x, Stage stage);

Stage encoder_stage(const UNetTopology& topology, std::size_t i) {
  return {features_of(topology)[i], topology.convs_encoder[i], topology.kernels[i], topology.strides[i]};
}

/// Convolutions, each with norm and LeakyReLU; the first one strides.
Map conv_stack(Builder& builder, const std::string& name, Map x, Stage stage) {
  for (std::int64_t i = 0; i < stage.blocks; ++i, stage.stride = {1, 1}) {
    const std::string layer = fmt::format("{}.convs.{}", name, i);
    x = builder.conv(layer + ".conv", x, stage.out, stage.conv(), true);
    builder.instance_norm(layer + ".norm", x, kSlope);
  }
  return x;
}

/// Residual blocks of two convolutions; the first one strides, and has a 1x1 convolution on its residual
/// path.
Map mixed_stage(Builder& builder, const std::string& name, Map x, Stage stage) {
  for (std::int64_t i = 0; i < stage.blocks; ++i) {
    const auto key = [&](const char* kind, int number) {  // the first block is of another class
      return i == 0 ? fmt::format("{}.0.{}{}", name, kind, number)
                    : fmt::format("{}.{}.conv{}.{}", name, i, number, kind);
    };
    const ConvShape pointwise{1, stage.stride, 0};
    const Map first = builder.conv(key("conv", 1), x, stage.out, stage.conv(), true);
    builder.instance_norm(key("norm", 1), first, kSlope);
    stage.stride = {1, 1};
    const Map second = builder.conv(key("conv", 2), first, stage.out, stage.conv(), true);
    const Map shortcut = i == 0 ? builder.conv(key("conv", 3), x, stage.out, pointwise, true) : x;
    builder.instance_norm_sum(key("norm", 2), second, shortcut, false, kSlope);
    x = second;
  }
  return x;
}

enum class Up {
  transposed,  ///< transposed convolution
  nearest      ///< 1x1 convolution and repetition, which commute; no skip at full resolution
};

/// From the last of the skips upwards to the full-resolution head.
Map add_decoder(Builder& builder, const UNetTopology& topology, const std::vector<Map>& skips, Up up,
                AddStage add_stage, std::int64_t classes) {
  Map x = skips.back();
  const std::size_t levels = skips.size() - 1;
  for (std::size_t level = 0; level < levels; ++level) {
    const Map& skip = skips[levels - 1 - level];
    const bool joins = up == Up::transposed || level + 1 < levels;
    // What comes from below, and behind it the skip.
    const Map both =
        builder.graph().map((joins ? 2 : 1) * skip.channels, skip.height, skip.width, Layout::blocked);
    const Map lower = both.channels_from(0, skip.channels);
    if (up == Up::transposed) {
      builder.transposed_conv(fmt::format("decoder.transpconvs.{}", level), x, lower, true);
    } else {
      const std::string name = fmt::format("decoder.upsample_layers.{}.conv", level);
      builder.repeat_pixels(builder.conv(name, x, skip.channels, kPointwise, true), lower);
    }
    if (joins) builder.copy(skip, both.channels_from(skip.channels, skip.channels));
    x = add_stage(builder, fmt::format("decoder.stages.{}", level), both,
                  {skip.channels, topology.convs_decoder[level], topology.kernels[levels - 1 - level]});
  }
  return builder.conv(fmt::format("decoder.seg_layers.{}", levels - 1), x, classes, kPointwise, true);
}

Map build_umamba(Builder& builder, const Map& image, const ImageShape& shape, bool mamba_in_encoder) {
  const UNetTopology topology = lightened(shape.topology);
  const std::size_t stages = topology.strides.size();
  Map x = mixed_stage(builder, "encoder.stem", image, encoder_stage(topology, 0));
  std::vector<Map> skips;
  for (std::size_t stage = 0; stage < stages; ++stage) {
    x = mixed_stage(builder, fmt::format("encoder.stages.{}", stage), x, encoder_stage(topology, stage));
    // Every second stage, so that the last one has one, over the shorter way to lay the feature map out.
    if (mamba_in_encoder && stage % 2 != stages % 2)
      x = add_mamba_layer(builder, fmt::format("encoder.mamba_layers.{}", stage), x,
                          x.pixels() <= x.channels);
    skips.push_back(x);
  }
  if (!mamba_in_encoder) skips.back() = add_mamba_layer(builder, "mamba_layer", x, false);
  return add_decoder(builder, topology, skips, Up::nearest, mixed_stage, shape.classes);
}

}  // namespace

Map build_nnunet(Builder& builder, const Map& image, const ImageShape& shape) {
  Map x = image;
  std::vector<Map> skips;
  for (std::size_t stage = 0; stage < shape.topology.strides.size(); ++stage) {
    x = conv_stack(builder, fmt::format("encoder.stages.{}.0", stage), x,
                   encoder_stage(shape.topology, stage));
    skips.push_back(x);
  }
  return add_decoder(builder, shape.topology, skips, Up::transposed, conv_stack, shape.classes);
}

Map build_umamba_bot(Builder& builder, const Map& image, const ImageShape& shape) {
  return build_umamba(builder, image, shape, false);
}

Map build_umamba_enc(Builder& builder, const Map& image, const ImageShape& shape) {
  return build_umamba(builder, image, shape, true);
}

}  // namespace seg::engine
