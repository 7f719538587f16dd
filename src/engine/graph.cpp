#include "engine/graph.h"

#include <algorithm>
#include <chrono>
#include <numeric>

namespace seg::engine {
namespace {

constexpr std::size_t kAlignment = 64;  // bytes: a cache line, and the widest vector
constexpr std::size_t kAlignedValues = kAlignment / sizeof(float);

}  // namespace

std::size_t Graph::add_buffer(std::size_t size, bool external) {
  Buffer buffer;
  buffer.size = (size + kAlignedValues - 1) / kAlignedValues * kAlignedValues;
  buffer.external = external;
  buffers_.push_back(buffer);
  return buffers_.size() - 1;
}

Map Graph::map(std::int64_t channels, std::int64_t height, std::int64_t width, Layout layout) {
  Map map{0, 0, channels, height, width, layout};
  map.buffer = add_buffer(static_cast<std::size_t>(map.size()), false);
  return map;
}

Map Graph::external(std::int64_t channels, std::int64_t height, std::int64_t width) {
  Map map{0, 0, channels, height, width, Layout::planar};
  map.buffer = add_buffer(static_cast<std::size_t>(map.size()), true);
  return map;
}

void Graph::step(const char* kind, const std::vector<Map>& maps, Step run, const Work& work) {
  PlacedStep step{{kind, 0, work}, std::move(run)};
  for (const Map& map : maps) {
    step.time.work.bytes += static_cast<double>(map.size()) * sizeof(float);
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
  arena_ = uncleared_floats(arena_size_);
  std::vector<float*> places;
  for (const Buffer& buffer : buffers_)
    places.push_back(buffer.external ? nullptr : arena_.get() + buffer.place);
  memory_ = std::make_unique<Memory>(std::move(places));
}

void Graph::run(const std::vector<float*>& externals) {
  std::size_t next = 0;
  for (std::size_t i = 0; i < buffers_.size(); ++i) {
    if (buffers_[i].external) memory_->set(i, externals.at(next++));
  }
  for (PlacedStep& step : steps_) {
    const auto start = std::chrono::steady_clock::now();
    step.run(*memory_);
    step.time.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (observer_) observer_(step.time);
  }
}

}  // namespace seg::engine
