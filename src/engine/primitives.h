// oneDNN's primitives as steps of a graph: for layers*.cpp only.
#pragma once
#include <dnnl.hpp>

#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/graph.h"

namespace seg::engine {

const dnnl::engine& cpu();

dnnl::memory::desc desc_of(const Map& map, dnnl::memory::format_tag tag,
                           dnnl::memory::data_type type = dnnl::memory::data_type::f32);
/// In the map's own layout.
dnnl::memory::desc desc_of(const Map& map);
dnnl::memory::desc vector_desc(std::int64_t count);

/// Constants in a layout that a primitive asked for.
struct Packed {
  dnnl::memory memory;
  std::shared_ptr<float[]> values;
};
Packed packed(FloatPool& pool, const void* values, const dnnl::memory::desc& plain,
              const dnnl::memory::desc& wanted);

/// A primitive as a step: which maps are its arguments, and constants.
class PrimitiveStep {
 public:
  PrimitiveStep(const char* kind, Graph& graph, dnnl::primitive primitive, const dnnl::memory::desc& scratch,
                double flops);
  void add(int argument, const Map& map, const dnnl::memory::desc& desc);
  void add(int argument, Packed constant);
  void add_to(Graph& graph);

 private:
  const char* kind_;
  Work work_;
  dnnl::primitive primitive_;
  std::vector<Map> maps_;
  std::vector<int> numbers_;
  std::unordered_map<int, dnnl::memory> arguments_;
  std::vector<std::shared_ptr<float[]>> constants_;
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
