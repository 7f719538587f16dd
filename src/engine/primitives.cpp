#include "engine/primitives.h"

#include <utility>

namespace seg::engine {

using dnnl::memory;

const dnnl::engine& cpu() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

namespace {

memory::format_tag tag_of(Layout layout) {
  switch (layout) {
    case Layout::planar:
      return memory::format_tag::nchw;
    case Layout::pixels:
      return memory::format_tag::nhwc;
    case Layout::blocked:
      return memory::format_tag::nChw16c;
  }
  return memory::format_tag::undef;
}

}  // namespace

memory::desc desc_of(const Map& map, memory::format_tag tag, memory::data_type type) {
  return {{1, map.channels, map.height, map.width}, type, tag};
}
memory::desc desc_of(const Map& map) {
  return desc_of(map, tag_of(map.layout));
}

memory::desc vector_desc(std::int64_t count) {
  return {{count}, memory::data_type::f32, memory::format_tag::x};
}

Packed packed(FloatPool& pool, const void* values, const memory::desc& plain, const memory::desc& wanted) {
  std::shared_ptr<float[]> place =
      pool.take(ceil_div(static_cast<std::int64_t>(wanted.get_size()), sizeof(float)));
  memory from(plain, cpu(), const_cast<void*>(values)), to(wanted, cpu(), place.get());
  dnnl::stream stream(cpu());
  dnnl::reorder(from, to).execute(stream, from, to);
  stream.wait();
  return {to, std::move(place)};
}

PrimitiveStep::PrimitiveStep(const char* kind, Graph& graph, dnnl::primitive primitive,
                             const memory::desc& scratch, double flops)
    : kind_(kind), work_{flops, 0}, primitive_(std::move(primitive)) {
  const auto size = static_cast<std::int64_t>((scratch.get_size() + sizeof(float) - 1) / sizeof(float));
  if (size > 0) add(DNNL_ARG_SCRATCHPAD, graph.map(size, 1, 1, Layout::planar), scratch);
}

void PrimitiveStep::add(int argument, const Map& map, const memory::desc& desc) {
  maps_.push_back(map);
  numbers_.push_back(argument);
  arguments_.emplace(argument, memory(desc, cpu(), DNNL_MEMORY_NONE));
}

void PrimitiveStep::add(int argument, Packed constant) {
  work_.bytes += static_cast<double>(constant.memory.get_desc().get_size());
  arguments_.emplace(argument, std::move(constant.memory));
  constants_.push_back(std::move(constant.values));
}

void PrimitiveStep::add_to(Graph& graph) {
  const auto maps = maps_;
  const auto run = [step = *this, stream = dnnl::stream(cpu())](const Memory& memory) mutable {
    for (std::size_t i = 0; i < step.maps_.size(); ++i)
      step.arguments_.at(step.numbers_[i]).set_data_handle(memory.at(step.maps_[i]));
    step.primitive_.execute(stream, step.arguments_);
    stream.wait();
  };
  graph.step(kind_, maps, run, work_);
}

dnnl::primitive_attr own_scratchpad() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

double product_flops(std::int64_t rows, std::int64_t in, std::int64_t out) {
  return 2.0 * static_cast<double>(rows) * static_cast<double>(in) * static_cast<double>(out);
}

void append_silu(dnnl::post_ops& post) {
  post.append_eltwise(1.f, dnnl::algorithm::eltwise_swish, 1.f, 0.f);
}

void add_reorder(Graph& graph, const Map& from, const memory::desc& from_desc, const Map& to,
                 const memory::desc& to_desc) {
  const dnnl::reorder::primitive_desc description(cpu(), from_desc, cpu(), to_desc, own_scratchpad());
  PrimitiveStep step("reorder", graph, dnnl::reorder(description), description.scratchpad_desc(), 0);
  step.add(DNNL_ARG_FROM, from, from_desc);
  step.add(DNNL_ARG_TO, to, to_desc);
  step.add_to(graph);
}

Map map_for(Graph& graph, const Map& like, const memory::desc& desc) {
  if (desc == desc_of(like)) return graph.map(like.channels, like.height, like.width, like.layout);
  return graph.map(static_cast<std::int64_t>(desc.get_size() / sizeof(float)), 1, 1, Layout::planar);
}

}  // namespace seg::engine
