// oneDNN's primitives as steps of a graph: for layers*.cpp only.
#pragma once
#include <dnnl.hpp>

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/graph.h"

namespace seg::engine {

const dnnl::engine& cpu();

dnnl::memory::desc desc_of(const Map& map, dnnl::memory::format_tag tag,
                           dnnl::memory::data_type type = dnnl::memory::data_type::f32);
/// In the map's own layout.
dnnl::memory::desc desc_of(const Map& map);
/// As many times the first axis, of images or of the pixels of all.
dnnl::memory::desc times(const dnnl::memory::desc& desc, std::int64_t images);
dnnl::memory::desc vector_desc(std::int64_t count);

/// Constants in a layout that a primitive asked for.
struct Packed {
  dnnl::memory memory;
  std::shared_ptr<float[]> values;
};
Packed packed(FloatPool& pool, const void* values, const dnnl::memory::desc& plain,
              const dnnl::memory::desc& wanted);

/// A primitive as a step: which maps are its arguments, and constants. Every number of images has a primitive
/// of its own, or where oneDNN has a fast one only for weights packed in another way, that of one image is
/// run for each.
class PrimitiveStep {
 public:
  using Describe = std::function<dnnl::primitive_desc_base(std::int64_t images)>;
  PrimitiveStep(const char* kind, Describe describe, double flops)
      : kind_(kind), work_{flops, 0}, describe_(std::move(describe)) {}
  /// `desc` is of one image.
  void add(int number, const Map& map, const dnnl::memory::desc& desc);
  void add(int number, Packed constant);
  void add_to(Graph& graph);

 private:
  class Primitives;
  struct MapArgument {
    int number;
    Map map;
    dnnl::memory::desc desc;
  };
  struct ConstantArgument {
    int number;
    Packed packed;
  };

  const char* kind_;
  Work work_;
  Describe describe_;
  std::vector<MapArgument> maps_;
  std::vector<ConstantArgument> constants_;
};

dnnl::primitive_attr own_scratchpad();

/// Operations of a product of [rows, in] and [in, out].
double product_flops(std::int64_t rows, std::int64_t in, std::int64_t out);

void append_silu(dnnl::post_ops& post);

/// Whether oneDNN has nothing better than its plain loops.
template <class Description>
bool is_slow(const Description& description) {
  return std::string_view(description.impl_info_str()).find("ref") != std::string_view::npos;
}

void add_reorder(Graph& graph, const Map& from, const dnnl::memory::desc& from_desc, const Map& to,
                 const dnnl::memory::desc& to_desc);

/// A map whose memory is as `desc` says; the layout's own description is only right where they are equal.
Map map_for(Graph& graph, const Map& like, const dnnl::memory::desc& desc);

}  // namespace seg::engine
