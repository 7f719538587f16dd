#include "engine/graph.h"

#include <algorithm>
#include <chrono>
#include <numeric>

namespace seg::engine {
namespace {

constexpr std::int64_t kAlignedValues = 64 / sizeof(float);  // a cache line, and the widest vector

}  // namespace

Map Graph::add_map(Map map, bool external) {
  map.image = map.size();
  map.buffer = buffers_.size();
  Buffer buffer;
  buffer.size = static_cast<std::size_t>(round_up(map.size(), kAlignedValues));
  buffer.external = external;
  buffers_.push_back(buffer);
  return map;
}

Map Graph::map(std::int64_t channels, std::int64_t height, std::int64_t width, Layout layout) {
  return add_map({.channels = channels, .height = height, .width = width, .layout = layout}, false);
}

Map Graph::external(std::int64_t channels, std::int64_t height, std::int64_t width) {
  return add_map({.channels = channels, .height = height, .width = width, .layout = Layout::planar}, true);
}

void Graph::step(const char* kind, const std::vector<Map>& maps, Step run, const Work& work,
                 Prepare prepare) {
  PlacedStep step{kind, work, 0, std::move(run), std::move(prepare)};
  for (const Map& map : maps) {
    step.map_bytes += static_cast<double>(map.size()) * sizeof(float);
    Buffer& buffer = buffers_[map.buffer];
    if (!buffer.used) buffer.first_step = steps_.size();
    buffer.used = true;
    buffer.last_step = steps_.size();
  }
  steps_.push_back(std::move(step));
}

void Graph::plan() {
  // Largest first, each at the lowest place that no map alive at the same time overlaps.
  std::vector<std::size_t> order(buffers_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::erase_if(order, [&](std::size_t i) { return buffers_[i].external || !buffers_[i].used; });
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return buffers_[a].size > buffers_[b].size; });
  std::vector<std::size_t> placed;
  for (const std::size_t i : order) {
    Buffer& buffer = buffers_[i];
    std::vector<std::pair<std::size_t, std::size_t>> taken;  // begin and end
    for (const std::size_t j : placed) {
      const Buffer& other = buffers_[j];
      if (other.first_step <= buffer.last_step && buffer.first_step <= other.last_step)
        taken.emplace_back(other.place, other.place + other.size);
    }
    std::sort(taken.begin(), taken.end());
    for (const auto& [begin, end] : taken) {
      if (buffer.place + buffer.size <= begin) break;
      buffer.place = std::max(buffer.place, end);
    }
    arena_size_ = std::max(arena_size_, buffer.place + buffer.size);
    placed.push_back(i);
  }
}

void Graph::prepare(std::int64_t images) {
  if (!prepared_.contains(images)) {
    for (const PlacedStep& step : steps_) {
      if (step.prepare) scratch_size_ = std::max(scratch_size_, step.prepare(images));
    }
    prepared_.insert(images);
  }
  const std::size_t size = static_cast<std::size_t>(images) * arena_size_ + scratch_size_;
  if (size <= arena_capacity_) return;
  arena_.reset();  // before there is a second one
  arena_capacity_ = 0;
  arena_ = uncleared_floats(size);
  arena_capacity_ = size;
}

void Graph::run(const std::vector<float*>& externals, std::int64_t images) {
  prepare(images);
  const auto n = static_cast<std::size_t>(images);
  std::vector<float*> places;
  std::size_t next = 0;
  for (const Buffer& buffer : buffers_)
    places.push_back(buffer.external ? externals.at(next++) : arena_.get() + n * buffer.place);
  const Memory memory(std::move(places), arena_.get() + n * arena_size_, images);
  for (const PlacedStep& step : steps_) {
    const auto start = std::chrono::steady_clock::now();
    step.run(memory);
    if (!observer_) continue;
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const auto count = static_cast<double>(images);
    observer_({step.kind, seconds, {count * step.work.flops, step.work.bytes + count * step.map_bytes}});
  }
}

}  // namespace seg::engine
