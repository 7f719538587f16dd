// What a task of engine/winograd.cpp is given.
#pragma once
#include <cstdint>

namespace seg::engine {

/// Input channels whose products are summed up before the next ones are transformed.
inline constexpr std::int64_t kWinogradChannels = 32;
inline constexpr std::int64_t kPoints = 36;  ///< products of a tile
inline constexpr std::int64_t kTile = 4;     ///< output pixels along its side

/// Some tiles and output channels.
struct WinogradTask {
  std::int64_t height, width;              ///< of an image's map
  std::int64_t tile_columns, image_tiles;  ///< of it
  std::int64_t in, out;                    ///< channels
  std::int64_t first_tile, tiles;          ///< counted image by image
  std::int64_t first_channel, channels;
  std::int64_t columns;  ///< output channels that are summed up together
  const float* x;
  const float* weights;  ///< [channels / columns, in, 3, 3, columns]
  const float* bias;     ///< [channels], null for none
  float* scratch;
  float* y;
};

/// Values between the slabs of two points: not a multiple of the cache's ways.
constexpr std::int64_t slab(std::int64_t size) {
  return size + 16;
}
constexpr std::int64_t patches_size(std::int64_t tiles) {
  return kPoints * slab(tiles * kWinogradChannels);
}
constexpr std::int64_t products_size(std::int64_t tiles, std::int64_t channels) {
  return kPoints * slab(tiles * channels);
}
constexpr std::int64_t filters_size(std::int64_t columns) {
  return kPoints * slab(kWinogradChannels * columns);
}

}  // namespace seg::engine
