// The networks that the engine has, each as a function that adds its layers to a graph.
#pragma once
#include <span>
#include <string_view>

#include "engine/layers.h"

namespace seg::engine {

struct NetworkRow {
  std::string_view name;
  std::int64_t multiple;  ///< of which height and width must be
  /// image, planar -> logits, blocked or pixels.
  Map (*build)(Builder& builder, const Map& image, std::int64_t classes);
};

std::span<const NetworkRow> networks();

Map build_swin_umamba(Builder& builder, const Map& image, std::int64_t classes);
Map build_swin_umamba_d(Builder& builder, const Map& image, std::int64_t classes);

}  // namespace seg::engine
