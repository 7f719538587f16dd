// VMamba's parts in the engine; the same as net/vss.
#pragma once
#include <string>
#include <vector>

#include "engine/layers.h"

namespace seg::engine {

/// x + SS2D(LayerNorm(x)), onto x: pixels of C channels.
void add_vss_block(Builder& builder, const std::string& name, const Map& x);

/// The VMamba-Tiny encoder: the output of each stage, pixels, highest resolution first.
std::vector<Map> add_vss_encoder(Builder& builder, const std::string& name, const Map& x, std::int64_t patch);

}  // namespace seg::engine
