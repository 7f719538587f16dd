// The networks that the engine has, each as a function that adds its layers to a graph.
#pragma once
#include <span>
#include <string_view>

#include "engine/engine.h"
#include "engine/layers.h"

namespace seg::engine {

struct NetworkRow {
  std::string_view name;
  std::int64_t multiple;  ///< of which height and width must be; 0 for the strides of a plan's stages
  /// image, planar -> logits, blocked or pixels.
  Map (*build)(Builder& builder, const Map& image, const ImageShape& shape);
};

std::span<const NetworkRow> networks();

Map build_swin_umamba(Builder& builder, const Map& image, const ImageShape& shape);
Map build_swin_umamba_d(Builder& builder, const Map& image, const ImageShape& shape);
Map build_nnunet(Builder& builder, const Map& image, const ImageShape& shape);
Map build_umamba_bot(Builder& builder, const Map& image, const ImageShape& shape);
Map build_umamba_enc(Builder& builder, const Map& image, const ImageShape& shape);

}  // namespace seg::engine
