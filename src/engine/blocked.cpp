#include "engine/blocked.h"

#include <dnnl.hpp>

namespace seg::engine {
namespace {

using dnnl::memory;

void reorder(const MapsShape& shape, memory::format_tag from_tag, const float* from,
             memory::format_tag to_tag, float* to) {
  static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  const memory::dims sizes{shape.images, shape.channels, shape.height, shape.width};
  memory source({sizes, memory::data_type::f32, from_tag}, cpu, const_cast<float*>(from));
  memory target({sizes, memory::data_type::f32, to_tag}, cpu, to);
  dnnl::stream stream(cpu);
  dnnl::reorder(source, target).execute(stream, source, target);
  stream.wait();
}

}  // namespace

void to_blocked(const MapsShape& shape, const float* planar, float* blocked) {
  reorder(shape, memory::format_tag::nchw, planar, memory::format_tag::nChw16c, blocked);
}

void to_planar(const MapsShape& shape, const float* blocked, float* planar) {
  reorder(shape, memory::format_tag::nChw16c, blocked, memory::format_tag::nchw, planar);
}

}  // namespace seg::engine
