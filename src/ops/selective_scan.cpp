#include "ops/selective_scan.h"

#include <algorithm>
#include <vector>

#include "base/threads.h"

namespace seg {
namespace {

// Gradients that are sums over channels or images are first summed within such a block, then over the blocks
// in order: so the result does not depend on the threads.
constexpr std::int64_t kMaxBlocksPerGroup = 8;

std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

// A run of channels of one group of one image.
struct Block {
  std::int64_t batch_index, group, channel, channels;
};

std::vector<Block> blocks_of(const ScanShape& shape, std::int64_t blocks_per_group) {
  const std::int64_t size = ceil_div(shape.channels_per_group, blocks_per_group);
  std::vector<Block> blocks;
  for (std::int64_t b = 0; b < shape.batch; ++b) {
    for (std::int64_t g = 0; g < shape.groups; ++g) {
      for (std::int64_t c = 0; c < shape.channels_per_group; c += size) {
        blocks.push_back(
            {b, g, g * shape.channels_per_group + c, std::min(size, shape.channels_per_group - c)});
      }
    }
  }
  return blocks;
}

template <class Pointer>
Pointer shifted(Pointer pointer, std::int64_t offset) {
  return pointer != nullptr ? pointer + offset : nullptr;
}

ScanShape shape_of(const ScanShape& shape, const Block& block) {
  return {1, 1, block.channels, shape.state, shape.length};
}

std::int64_t row_of(const ScanShape& shape, const Block& block) {
  return (block.batch_index * shape.channels() + block.channel) * shape.length;
}

ScanInputs<float> inputs_of(const ScanShape& shape, const ScanInputs<float>& in, const Block& block) {
  const std::int64_t row = row_of(shape, block);
  const std::int64_t shared = (block.batch_index * shape.groups + block.group) * shape.state * shape.length;
  return {in.u + row,
          in.delta + row,
          in.a + block.channel * shape.state,
          in.b + shared,
          in.c + shared,
          shifted(in.skip, block.channel),
          shifted(in.z, row),
          shifted(in.delta_bias, block.channel),
          in.delta_softplus};
}

void add(float* to, const float* from, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) to[i] += from[i];
}

// The sums of one block, laid out as a | b | c | skip | delta_bias.
struct Partial {
  explicit Partial(const ScanShape& block)
      : values(block.channels() * (block.state + 2) + 2 * block.state * block.length) {}
  float* a() { return values.data(); }
  float* b(const ScanShape& block) { return a() + block.channels() * block.state; }
  float* c(const ScanShape& block) { return b(block) + block.state * block.length; }
  float* skip(const ScanShape& block) { return c(block) + block.state * block.length; }
  float* delta_bias(const ScanShape& block) { return skip(block) + block.channels(); }
  std::vector<float> values;
};

}  // namespace

void selective_scan_forward(const ScanShape& shape, const ScanInputs<float>& in, float* y) {
  const auto blocks = blocks_of(shape, shape.channels_per_group);
  parallel_for(static_cast<std::int64_t>(blocks.size()), [&](std::int64_t i) {
    selective_scan_reference(shape_of(shape, blocks[i]), inputs_of(shape, in, blocks[i]),
                             y + row_of(shape, blocks[i]));
  });
}

void selective_scan_backward(const ScanShape& shape, const ScanInputs<float>& in, const float* dy,
                             const ScanGradients<float>& out) {
  const auto blocks = blocks_of(shape, kMaxBlocksPerGroup);
  std::vector<Partial> partials;
  for (const Block& block : blocks) partials.emplace_back(shape_of(shape, block));
  parallel_for(static_cast<std::int64_t>(blocks.size()), [&](std::int64_t i) {
    const ScanShape block = shape_of(shape, blocks[i]);
    const std::int64_t row = row_of(shape, blocks[i]);
    Partial& sums = partials[i];
    selective_scan_backward_reference(block, inputs_of(shape, in, blocks[i]), dy + row,
                                      {out.u + row, out.delta + row, sums.a(), sums.b(block), sums.c(block),
                                       out.skip != nullptr ? sums.skip(block) : nullptr, shifted(out.z, row),
                                       out.delta_bias != nullptr ? sums.delta_bias(block) : nullptr});
  });

  const std::int64_t shared = shape.state * shape.length;
  std::fill_n(out.a, shape.channels() * shape.state, 0.0f);
  std::fill_n(out.b, shape.batch * shape.groups * shared, 0.0f);
  std::fill_n(out.c, shape.batch * shape.groups * shared, 0.0f);
  if (out.skip != nullptr) std::fill_n(out.skip, shape.channels(), 0.0f);
  if (out.delta_bias != nullptr) std::fill_n(out.delta_bias, shape.channels(), 0.0f);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const ScanShape block = shape_of(shape, blocks[i]);
    const std::int64_t group = blocks[i].batch_index * shape.groups + blocks[i].group;
    const std::int64_t channel = blocks[i].channel;
    Partial& sums = partials[i];
    add(out.a + channel * shape.state, sums.a(), block.channels() * shape.state);
    add(out.b + group * shared, sums.b(block), shared);
    add(out.c + group * shared, sums.c(block), shared);
    if (out.skip != nullptr) add(out.skip + channel, sums.skip(block), block.channels());
    if (out.delta_bias != nullptr) add(out.delta_bias + channel, sums.delta_bias(block), block.channels());
  }
}

}  // namespace seg
