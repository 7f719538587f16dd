#include "engine/primitives.h"

#include <cstddef>
#include <map>
#include <unordered_map>
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
memory::desc times(const memory::desc& desc, std::int64_t images) {
  memory::desc several = desc;
  several.data.dims[0] *= images;
  several.data.padded_dims[0] *= images;
  return several;
}
memory::desc desc_of(const Map& map) {
  memory::desc desc = desc_of(map, tag_of(map.layout));
  desc.data.format_desc.blocking.strides[0] = map.image;
  return desc;
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

void PrimitiveStep::add(int number, const Map& map, const memory::desc& desc) {
  maps_.push_back({number, map, desc});
}

void PrimitiveStep::add(int number, Packed constant) {
  work_.bytes += static_cast<double>(constant.memory.get_desc().get_size());
  constants_.push_back({number, std::move(constant)});
}

namespace {

/// From one image to the next, in memory that `desc` says of one.
std::int64_t image_bytes(const memory::desc& desc) {
  const auto type_bytes = static_cast<std::int64_t>(memory::data_type_size(desc.data_type()));
  return desc.data.dims[0] * desc.data.format_desc.blocking.strides[0] * type_bytes;
}

}  // namespace

/// Those of a step, by numbers of images.
class PrimitiveStep::Primitives {
 public:
  explicit Primitives(PrimitiveStep step) : step_(std::move(step)) {}

  std::size_t prepare(std::int64_t images) {
    dnnl::primitive_desc_base description = step_.describe_(images);
    std::int64_t at_once = images;
    if (images > 1 && is_slow(description)) {  // this number would take other packed weights
      description = step_.describe_(1);
      at_once = 1;
    }
    const memory::desc scratch = description.query_md(dnnl::query::scratchpad_md);
    Primitive made{dnnl::primitive(description.get()), {}, at_once};
    for (const ConstantArgument& constant : step_.constants_)
      made.arguments.emplace(constant.number, constant.packed.memory);
    for (const MapArgument& map : step_.maps_)
      made.arguments.emplace(map.number, memory(times(map.desc, at_once), cpu(), DNNL_MEMORY_NONE));
    made.arguments.emplace(DNNL_ARG_SCRATCHPAD, memory(scratch, cpu(), DNNL_MEMORY_NONE));
    by_images_.insert_or_assign(images, std::move(made));
    return static_cast<std::size_t>(ceil_div(static_cast<std::int64_t>(scratch.get_size()), sizeof(float)));
  }

  void run(const Memory& memory) {
    auto& [primitive, arguments, at_once] = by_images_.at(memory.images());
    arguments.at(DNNL_ARG_SCRATCHPAD).set_data_handle(memory.scratch());
    for (std::int64_t image = 0; image < memory.images(); image += at_once) {
      for (const MapArgument& map : step_.maps_) {
        auto* first = reinterpret_cast<std::byte*>(memory.at(map.map));
        arguments.at(map.number).set_data_handle(first + image * image_bytes(map.desc));
      }
      primitive.execute(stream_, arguments);
      stream_.wait();
    }
  }

 private:
  struct Primitive {
    dnnl::primitive primitive;
    std::unordered_map<int, memory> arguments;
    std::int64_t at_once;  ///< images
  };

  PrimitiveStep step_;
  dnnl::stream stream_{cpu()};
  std::map<std::int64_t, Primitive> by_images_;
};

void PrimitiveStep::add_to(Graph& graph) {
  std::vector<Map> maps;
  for (const MapArgument& argument : maps_) maps.push_back(argument.map);
  const auto primitives = std::make_shared<Primitives>(*this);
  graph.step(
      kind_, maps, [primitives](const Memory& memory) { primitives->run(memory); }, work_,
      [primitives](std::int64_t images) { return primitives->prepare(images); });
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
  const auto describe = [=](std::int64_t images) {
    return dnnl::reorder::primitive_desc(cpu(), times(from_desc, images), cpu(), times(to_desc, images),
                                         own_scratchpad());
  };
  PrimitiveStep step("reorder", describe, 0);
  step.add(DNNL_ARG_FROM, from, from_desc);
  step.add(DNNL_ARG_TO, to, to_desc);
  step.add_to(graph);
}

Map map_for(Graph& graph, const Map& like, const memory::desc& desc) {
  if (desc == desc_of(like)) return graph.map(like.channels, like.height, like.width, like.layout);
  return graph.map(static_cast<std::int64_t>(desc.get_size() / sizeof(float)), 1, 1, Layout::planar);
}

}  // namespace seg::engine
