#include "engine/layers.h"

#include <dnnl.hpp>

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "base/error.h"
#include "base/threads.h"
#include "engine/kernels.h"
#include "engine/winograd.h"

namespace seg::engine {
namespace {

using dnnl::memory;
using Arguments = std::unordered_map<int, memory>;

const dnnl::engine& cpu() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

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

memory::desc desc_of(const Map& map, memory::format_tag tag) {
  return {{1, map.channels, map.height, map.width}, memory::data_type::f32, tag};
}
memory::desc desc_of(const Map& map) {
  return desc_of(map, tag_of(map.layout));
}

/// Constants in a layout that a primitive asked for.
memory packed(const std::vector<float>& values, const memory::desc& plain, const memory::desc& wanted) {
  memory from(plain, cpu(), const_cast<float*>(values.data())), to(wanted, cpu());
  dnnl::stream stream(cpu());
  dnnl::reorder(from, to).execute(stream, from, to);
  stream.wait();
  return to;
}

memory::desc vector_desc(std::int64_t count) {
  return {{count}, memory::data_type::f32, memory::format_tag::x};
}

/// A primitive as a step: which maps are its arguments, and constants.
class PrimitiveStep {
 public:
  PrimitiveStep(const char* kind, Graph& graph, dnnl::primitive primitive, const memory::desc& scratch,
                double flops)
      : kind_(kind), work_{flops, 0}, primitive_(std::move(primitive)) {
    const auto size = static_cast<std::int64_t>((scratch.get_size() + sizeof(float) - 1) / sizeof(float));
    if (size > 0) add(DNNL_ARG_SCRATCHPAD, graph.map(size, 1, 1, Layout::planar), scratch);
  }
  void add(int argument, const Map& map, const memory::desc& desc) {
    maps_.push_back(map);
    numbers_.push_back(argument);
    arguments_.emplace(argument, memory(desc, cpu(), DNNL_MEMORY_NONE));
  }
  void add(int argument, memory constant) {
    work_.bytes += static_cast<double>(constant.get_desc().get_size());
    arguments_.emplace(argument, std::move(constant));
  }

  void add_to(Graph& graph) {
    const auto maps = maps_;
    const auto run = [step = *this, stream = dnnl::stream(cpu())](const Memory& memory) mutable {
      for (std::size_t i = 0; i < step.maps_.size(); ++i)
        step.arguments_.at(step.numbers_[i]).set_data_handle(memory.at(step.maps_[i]));
      step.primitive_.execute(stream, step.arguments_);
      stream.wait();
    };
    graph.step(kind_, maps, run, work_);
  }

 private:
  const char* kind_;
  Work work_;
  dnnl::primitive primitive_;
  std::vector<Map> maps_;
  std::vector<int> numbers_;
  Arguments arguments_;
};

dnnl::primitive_attr own_scratchpad() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

/// Operations of a product of [rows, in] and [in, out].
double product_flops(std::int64_t rows, std::int64_t in, std::int64_t out) {
  return 2.0 * static_cast<double>(rows) * static_cast<double>(in) * static_cast<double>(out);
}

void append_silu(dnnl::post_ops& post) {
  post.append_eltwise(1.f, dnnl::algorithm::eltwise_swish, 1.f, 0.f);
}

/// Whether oneDNN has nothing better than its plain loops.
template <class Description>
bool is_slow(const Description& description) {
  return std::string_view(description.impl_info_str()).find("ref") != std::string_view::npos;
}

void add_reorder(Graph& graph, const Map& from, const memory::desc& from_desc, const Map& to,
                 const memory::desc& to_desc) {
  const dnnl::reorder::primitive_desc description(cpu(), from_desc, cpu(), to_desc, own_scratchpad());
  PrimitiveStep step("reorder", graph, dnnl::reorder(description), description.scratchpad_desc(), 0);
  step.add(DNNL_ARG_FROM, from, from_desc);
  step.add(DNNL_ARG_TO, to, to_desc);
  step.add_to(graph);
}

/// A map whose memory is as `desc` says; the layout's own description is only right where they are equal.
Map map_for(Graph& graph, const Map& like, const memory::desc& desc) {
  if (desc == desc_of(like)) return graph.map(like.channels, like.height, like.width, like.layout);
  return graph.map(static_cast<std::int64_t>(desc.get_size() / sizeof(float)), 1, 1, Layout::planar);
}

}  // namespace

Constant Builder::constant(const std::string& name, const std::vector<std::int64_t>& shape) const {
  return std::make_shared<const std::vector<float>>(parameters_.get(name, shape));
}

Map Builder::in_layout(const Map& x, Layout layout) {
  if (x.layout == layout) return x;
  const Map y = graph_.map(x.channels, x.height, x.width, layout);
  add_reorder(graph_, x, desc_of(x), y, desc_of(y));
  return y;
}

void Builder::copy(const Map& x, const Map& y) {
  add_reorder(graph_, x, desc_of(x), y, desc_of(y));
}

Map Builder::conv(const std::string& name, const Map& x, std::int64_t out, const ConvShape& shape,
                  bool bias) {
  const bool wide = shape == ConvShape{3, 1, 1};
  if (x.layout == Layout::blocked && wide && Winograd::pays({x.channels, out, x.height, x.width}))
    return winograd_conv(name, x, out, bias);
  const auto size = [](std::int64_t pixels, std::int64_t kernel, std::int64_t stride, std::int64_t padding) {
    return (pixels + 2 * padding - kernel) / stride + 1;
  };
  const Map y = graph_.map(out, size(x.height, shape.kernel.rows, shape.stride.rows, shape.padding.rows),
                           size(x.width, shape.kernel.columns, shape.stride.columns, shape.padding.columns),
                           Layout::blocked);
  add_conv(wide ? "convolution 3x3" : "other convolution",
           parameters_.get(name + ".weight", {out, x.channels, shape.kernel.rows, shape.kernel.columns}),
           bias ? parameters_.get(name + ".bias", {out}) : std::vector<float>(), x, y, shape);
  return y;
}

void Builder::add_conv(const char* kind, const std::vector<float>& weight, const std::vector<float>& bias,
                       const Map& x, const Map& y, const ConvShape& shape) {
  const std::int64_t in = x.channels, out = y.channels;
  const memory::dims dims{out, in, shape.kernel.rows, shape.kernel.columns};
  const memory::desc weights(dims, memory::data_type::f32, memory::format_tag::any);
  const auto describe = [&](const memory::desc& from, const memory::desc& to) {
    const memory::dims strides{shape.stride.rows, shape.stride.columns};
    const memory::dims padding{shape.padding.rows, shape.padding.columns};
    const auto inference = dnnl::prop_kind::forward_inference;
    const auto direct = dnnl::algorithm::convolution_direct;
    return dnnl::convolution_forward::primitive_desc(
        bias.empty()
            ? dnnl::convolution_forward::desc(inference, direct, from, weights, to, strides, padding, padding)
            : dnnl::convolution_forward::desc(inference, direct, from, weights, vector_desc(out), to, strides,
                                              padding, padding),
        own_scratchpad(), cpu());
  };
  auto description = describe(desc_of(x), desc_of(y));
  if (is_slow(description))  // not for these layouts on this machine
    description = describe(desc_of(x, memory::format_tag::any), desc_of(y, memory::format_tag::any));
  PrimitiveStep step(kind, graph_, dnnl::convolution_forward(description), description.scratchpad_desc(),
                     product_flops(y.pixels(), in * dims[2] * dims[3], out));
  Map from = x, to = y;
  if (description.src_desc() != desc_of(x)) {
    from = map_for(graph_, x, description.src_desc());
    add_reorder(graph_, x, desc_of(x), from, description.src_desc());
  }
  if (description.dst_desc() != desc_of(y)) to = map_for(graph_, y, description.dst_desc());
  step.add(DNNL_ARG_SRC, from, description.src_desc());
  step.add(DNNL_ARG_DST, to, description.dst_desc());
  step.add(DNNL_ARG_WEIGHTS, packed(weight, {dims, memory::data_type::f32, memory::format_tag::oihw},
                                    description.weights_desc()));
  if (!bias.empty()) step.add(DNNL_ARG_BIAS, packed(bias, vector_desc(out), description.bias_desc()));
  step.add_to(graph_);
  if (description.dst_desc() != desc_of(y)) add_reorder(graph_, to, description.dst_desc(), y, desc_of(y));
}

Map Builder::winograd_conv(const std::string& name, const Map& x, std::int64_t out, bool bias) {
  const auto weights = parameters_.get(name + ".weight", {out, x.channels, 3, 3});
  const auto layer = std::make_shared<const Winograd>(
      Winograd::Shape{x.channels, out, x.height, x.width}, weights,
      bias ? parameters_.get(name + ".bias", {out}) : std::vector<float>(), thread_count());
  const Map y = graph_.map(out, x.height, x.width, Layout::blocked);
  const Map scratch = graph_.map(layer->scratch_size(), 1, 1, Layout::planar);
  graph_.step(
      "convolution 3x3", {x, scratch, y},
      [layer, x, scratch, y](const Memory& memory) {
        layer->run(memory.at(x), memory.at(scratch), memory.at(y));
      },
      {product_flops(y.pixels(), 9 * x.channels, out), static_cast<double>(weights.size() * sizeof(float))});
  return y;
}

Map Builder::depthwise_silu(const std::string& name, const Map& x) {
  const std::int64_t c = x.channels;
  const Map y = graph_.map(c, x.height, x.width, Layout::pixels);
  dnnl::primitive_attr attributes = own_scratchpad();
  dnnl::post_ops post;
  append_silu(post);
  attributes.set_post_ops(post);
  const dnnl::convolution_forward::primitive_desc description(
      dnnl::convolution_forward::desc(
          dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, desc_of(x),
          memory::desc({c, 1, 1, 3, 3}, memory::data_type::f32, memory::format_tag::any), vector_desc(c),
          desc_of(y), {1, 1}, {1, 1}, {1, 1}),
      attributes, cpu());
  PrimitiveStep step("depthwise", graph_, dnnl::convolution_forward(description),
                     description.scratchpad_desc(), product_flops(y.pixels(), 9, c));
  step.add(DNNL_ARG_SRC, x, desc_of(x));
  step.add(DNNL_ARG_DST, y, desc_of(y));
  step.add(DNNL_ARG_WEIGHTS, packed(parameters_.get(name + ".weight", {c, 1, 3, 3}),
                                    {{c, 1, 1, 3, 3}, memory::data_type::f32, memory::format_tag::goihw},
                                    description.weights_desc()));
  step.add(DNNL_ARG_BIAS,
           packed(parameters_.get(name + ".bias", {c}), vector_desc(c), description.bias_desc()));
  step.add_to(graph_);
  return y;
}

void Builder::transposed_conv(const std::string& name, const Map& x, const Map& y, bool bias) {
  const std::int64_t in = x.channels, out = y.channels;
  const Upsampling to{y.height / x.height, y.width / x.width};
  const std::int64_t parts = to.rows * to.columns;
  // A 1x1 convolution to the channels of all the pixels that one becomes, one pixel behind the other.
  const auto values = parameters_.get(name + ".weight", {in, out, to.rows, to.columns});
  std::vector<float> weights(values.size()), offsets;
  for (std::int64_t i = 0; i < in; ++i) {
    for (std::int64_t o = 0; o < out; ++o) {
      for (std::int64_t part = 0; part < parts; ++part)
        weights[static_cast<std::size_t>((part * out + o) * in + i)] =
            values[static_cast<std::size_t>((i * out + o) * parts + part)];
    }
  }
  if (bias) {
    const auto once = parameters_.get(name + ".bias", {out});
    for (std::int64_t part = 0; part < parts; ++part) offsets.insert(offsets.end(), once.begin(), once.end());
  }
  const Map pixels = graph_.map(parts * out, x.height, x.width, Layout::blocked);
  add_conv("transposed convolution", weights, offsets, x, pixels, {1, 1, 0});
  add_upsampling("transposed convolution", to, pixels, y);
}

void Builder::repeat_pixels(const Map& x, const Map& y) {
  add_upsampling("repetition", {y.height / x.height, y.width / x.width, true}, x, y);
}

void Builder::add_upsampling(const char* kind, const Upsampling& to, const Map& x, const Map& y) {
  graph_.step(kind, {x, y}, [to, x, y](const Memory& memory) {
    upsample(to, y.channels, x.height, x.width, memory.at(x), memory.at(y));
  });
}

void Builder::add_product(const std::vector<float>& weight, const std::vector<float>& bias, const Map& x,
                          const Map& y, Finish finish, bool onto) {
  const std::int64_t m = x.pixels(), k = x.channels, n = y.channels;
  const auto matrix = [](std::int64_t rows, std::int64_t columns, memory::format_tag tag) {
    return memory::desc({rows, columns}, memory::data_type::f32, tag);
  };
  const auto from = matrix(m, k, memory::format_tag::ab), to = matrix(m, n, memory::format_tag::ab);
  dnnl::primitive_attr attributes = own_scratchpad();
  dnnl::post_ops post;
  if (onto) post.append_sum(1.f);
  if (finish == Finish::silu) append_silu(post);
  attributes.set_post_ops(post);
  const auto any = matrix(k, n, memory::format_tag::any);
  const auto bias_desc = matrix(1, n, memory::format_tag::ab);
  const dnnl::matmul::primitive_desc description(
      bias.empty() ? dnnl::matmul::desc(from, any, to) : dnnl::matmul::desc(from, any, bias_desc, to),
      attributes, cpu());
  PrimitiveStep step("linear", graph_, dnnl::matmul(description), description.scratchpad_desc(),
                     product_flops(m, k, n));
  step.add(DNNL_ARG_SRC, x, from);
  step.add(DNNL_ARG_DST, y, to);
  // PyTorch's weight is [n, k].
  step.add(DNNL_ARG_WEIGHTS,
           packed(weight, matrix(k, n, memory::format_tag::ba), description.weights_desc()));
  if (!bias.empty()) step.add(DNNL_ARG_BIAS, packed(bias, bias_desc, bias_desc));
  step.add_to(graph_);
}

Map Builder::linear(const std::string& name, const Map& x, std::int64_t out, bool bias, Finish finish,
                    std::optional<Rows> rows) {
  auto weight = parameters_.get(name + ".weight", {out, x.channels});
  std::vector<float> offsets;
  if (bias) offsets = parameters_.get(name + ".bias", {out});
  if (!rows) return product(weight, offsets, x, out, finish);
  const auto begin = weight.begin() + rows->first * x.channels;
  return product({begin, begin + rows->count * x.channels}, {}, x, rows->count, finish);
}

Map Builder::product(const std::vector<float>& weight, const std::vector<float>& bias, const Map& x,
                     std::int64_t out, Finish finish) {
  const Map y = graph_.map(out, x.height, x.width, Layout::pixels);
  add_product(weight, bias, x, y, finish, false);
  return y;
}

Map Builder::linear_of_two(const std::string& name, const Map& a, const Map& b, std::int64_t out) {
  const std::int64_t in = a.channels + b.channels;
  const auto weight = parameters_.get(name + ".weight", {out, in});
  std::vector<float> of_a, of_b;
  for (auto row = weight.begin(); row != weight.end(); row += in) {
    of_a.insert(of_a.end(), row, row + a.channels);
    of_b.insert(of_b.end(), row + a.channels, row + in);
  }
  const Map y = product(of_a, parameters_.get(name + ".bias", {out}), a, out);
  add_product(of_b, {}, b, y, Finish::none, true);
  return y;
}

Map Builder::head(const std::string& name, const Map& x, std::int64_t classes) {
  return product(parameters_.get(name + ".weight", {classes, x.channels, 1, 1}),
                 parameters_.get(name + ".bias", {classes}), x, classes);
}

void Builder::linear_onto(const std::string& name, const Map& x, const Map& y) {
  add_product(parameters_.get(name + ".weight", {y.channels, x.channels}), {}, x, y, Finish::none, true);
}

namespace {

/// A norm's weight and bias, kept as long as the steps that use them; an instance norm may have none.
struct NormConstants {
  Constant weight, bias;
  LayerNorm norm() const { return {weight->data(), bias->data(), static_cast<std::int64_t>(weight->size())}; }
  InstanceNorm instance_norm(const float* x) const {
    return {x, weight ? weight->data() : nullptr, bias ? bias->data() : nullptr};
  }
};

NormConstants norm_constants(const Builder& builder, const std::string& name, std::int64_t channels) {
  return {builder.constant(name + ".weight", {channels}), builder.constant(name + ".bias", {channels})};
}

NormConstants instance_constants(const Builder& builder, const std::string& name, std::int64_t channels) {
  return name.empty() ? NormConstants() : norm_constants(builder, name, channels);
}

}  // namespace

Map Builder::layer_norm(const std::string& name, const Map& x, const Map* gate) {
  const Map y = graph_.map(x.channels, x.height, x.width, Layout::pixels);
  const auto constants = norm_constants(*this, name, x.channels);
  if (gate == nullptr) {
    graph_.step("layer norm", {x, y}, [constants, x, y](const Memory& memory) {
      engine::layer_norm(constants.norm(), x.pixels(), memory.at(x), nullptr, memory.at(y));
    });
  } else {
    graph_.step("layer norm", {x, *gate, y}, [constants, x, gate = *gate, y](const Memory& memory) {
      engine::layer_norm(constants.norm(), x.pixels(), memory.at(x), memory.at(gate), memory.at(y));
    });
  }
  return y;
}

Map Builder::merge_and_norm(const std::string& name, const Map& x) {
  const Map y = graph_.map(4 * x.channels, x.height / 2, x.width / 2, Layout::pixels);
  graph_.step("layer norm", {x, y},
              [constants = norm_constants(*this, name, y.channels), x, y](const Memory& memory) {
                engine::merge_and_norm(constants.norm(), x.height, x.width, memory.at(x), memory.at(y));
              });
  return y;
}

Map Builder::expand_and_norm(const std::string& name, const Map& x, std::int64_t factor, std::int64_t out) {
  const Map y = graph_.map(out, x.height * factor, x.width * factor, Layout::pixels);
  graph_.step("layer norm", {x, y},
              [constants = norm_constants(*this, name, out), x, y, factor](const Memory& memory) {
                engine::expand_and_norm(constants.norm(), x.height, x.width, factor, memory.at(x),
                                        memory.at(y));
              });
  return y;
}

void Builder::instance_norm(const std::string& name, const Map& x, float slope) {
  const auto constants = instance_constants(*this, name, x.channels);
  graph_.step("instance norm", {x}, [constants, x, slope](const Memory& memory) {
    float* values = memory.at(x);
    engine::instance_norm(constants.instance_norm(values), nullptr, x.channels, x.pixels(), slope, values);
  });
}

void Builder::instance_norm_sum(const std::string& name, const Map& a, const Map& b, bool norm_b,
                                float slope) {
  const auto constants = instance_constants(*this, name, a.channels);
  graph_.step("instance norm", {a, b}, [constants, a, b, norm_b, slope](const Memory& memory) {
    const Residual other{{memory.at(b), nullptr, nullptr}, !norm_b};
    float* values = memory.at(a);
    engine::instance_norm(constants.instance_norm(values), &other, a.channels, a.pixels(), slope, values);
  });
}

Map Builder::patch_embed(const std::string& name, const Map& x, std::int64_t patch, std::int64_t out) {
  const Map rows = graph_.map(x.channels * patch * patch, x.height / patch, x.width / patch, Layout::pixels);
  const auto gather = x.layout == Layout::blocked ? gather_patches_blocked : gather_patches_planar;
  graph_.step("gather", {x, rows}, [x, rows, patch, gather](const Memory& memory) {
    gather(x.channels, x.height, x.width, patch, memory.at(x), memory.at(rows));
  });
  const Map y = product(parameters_.get(name + ".proj.weight", {out, x.channels, patch, patch}),
                        parameters_.get(name + ".proj.bias", {out}), rows, out);
  return layer_norm(name + ".norm", y);
}

}  // namespace seg::engine
