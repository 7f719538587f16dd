#include "engine/layers.h"

#include <dnnl.hpp>

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/threads.h"
#include "engine/int8_kernels.h"
#include "engine/kernels.h"
#include "engine/primitives.h"
#include "engine/winograd.h"

namespace seg::engine {
using dnnl::memory;

Constant Builder::constant(const std::string& name, const std::vector<std::int64_t>& shape) const {
  return std::make_shared<const std::vector<float>>(parameters_.get(name, shape).copy());
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

std::vector<float> Builder::bias_of(const std::string& name, std::int64_t count, bool there) const {
  return there ? parameters_.get(name + ".bias", {count}).copy() : std::vector<float>();
}

void Builder::calibrate(const std::string& name, const Map& x, std::int64_t out, std::size_t out_axis) {
  if (calibration_ == nullptr || x.layout == Layout::planar || x.channels % kBlock != 0 || out % kBlock != 0)
    return;
  CalibratedLayer& layer = (*calibration_)[name];
  layer.out_axis = out_axis;
  graph_.step("calibration", {x}, [&layer, x](const Memory& memory) {
    layer.input.add({memory.at(x), static_cast<std::size_t>(memory.images() * x.size())});
  });
}

Map Builder::quantized(const Map& x, const Int8Scale& scale) {
  auto& last = last_quantized_;
  const bool same = last.scale == scale && last.from == x && graph_.untouched_since(last.step, x);
  if (same) return last.to;
  if (x.layout == Layout::planar || x.channels % kBlock != 0)
    fail("int8 layers take multiples of {} channels, got {}", kBlock, x.channels);
  const Map y = graph_.map(ceil_div(x.size(), sizeof(float)), 1, 1, Layout::planar);
  last = {graph_.steps(), x, y, scale};
  graph_.step("quantization", {x, y}, [x, y, scale](const Memory& memory) {
    quantize(x.strides(), memory.shape(x), scale, memory.at(x), reinterpret_cast<std::int8_t*>(memory.at(y)));
  });
  return y;
}

namespace {

constexpr ConvShape kPointwise{1, 1, 0};

Layout output_layout(const Weight& weight) {
  return weight.is_int8() ? Layout::pixels : Layout::blocked;
}

memory::data_type type_of(const Weight& weight) {
  return weight.is_int8() ? memory::data_type::s8 : memory::data_type::f32;
}

Packed packed_weight(FloatPool& pool, const Weight& weight, const memory::desc& plain,
                     const memory::desc& wanted) {
  return weight.is_int8() ? packed(pool, weight.int8.data(), plain, wanted)
                          : packed(pool, weight.values.data(), plain, wanted);
}

/// oneDNN adds the bias to whole numbers before it scales them.
std::vector<float> unscaled(std::vector<float> bias, const std::vector<float>& scales) {
  for (std::size_t i = 0; i < bias.size(); ++i) bias[i] /= scales[i];
  return bias;
}

void set_scales(const Weight& weight, dnnl::primitive_attr& attributes) {
  constexpr int kAll = 0, kPerChannel = 2;  // oneDNN's masks: the second axis has scales
  attributes.set_output_scales(kPerChannel, weight.sum_scales());
  attributes.set_zero_points(DNNL_ARG_SRC, kAll, {weight.input.zero_point});
}

/// How a product or convolution goes on, and its scratch memory.
dnnl::primitive_attr attributes_of(Builder::Finish finish, bool onto = false) {
  dnnl::primitive_attr attributes = own_scratchpad();
  dnnl::post_ops post;
  if (onto) post.append_sum(1.f);
  if (finish == Builder::Finish::silu) append_silu(post);
  attributes.set_post_ops(post);
  return attributes;
}

dnnl::convolution_forward::primitive_desc describe_conv(const memory::desc& source,
                                                        const memory::desc& weights, bool has_bias,
                                                        const memory::desc& target, const ConvShape& shape,
                                                        const dnnl::primitive_attr& attributes) {
  const memory::dims strides{shape.stride.rows, shape.stride.columns};
  const memory::dims padding{shape.padding.rows, shape.padding.columns};
  const memory::desc bias = has_bias ? vector_desc(target.dims()[1]) : memory::desc();
  return {{dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, source, weights, bias,
           target, strides, padding, padding},
          attributes,
          cpu()};
}

}  // namespace

Map Builder::conv(const std::string& name, const Map& x, std::int64_t out, const ConvShape& shape,
                  bool bias) {
  const Weight weight = parameters_.weight(name, {out, x.channels, shape.kernel.rows, shape.kernel.columns});
  const bool wide = shape == ConvShape{3, 1, 1};
  calibrate(name, x, out, 0);
  if (!weight.is_int8() && x.layout == Layout::pixels) {
    if (shape == kPointwise) return product_of(weight, bias_of(name, out, bias), x, out, Finish::none);
    return conv(name, in_layout(x, Layout::blocked), out, shape, bias);
  }
  if (!weight.is_int8() && x.layout == Layout::blocked && wide &&
      Winograd::pays({x.channels, out, x.height, x.width}))
    return winograd_conv({weight.values.data(), weight.values.size()}, bias_of(name, out, bias), x, out);
  const auto size = [](std::int64_t pixels, std::int64_t kernel, std::int64_t stride, std::int64_t padding) {
    return (pixels + 2 * padding - kernel) / stride + 1;
  };
  const Map y = graph_.map(out, size(x.height, shape.kernel.rows, shape.stride.rows, shape.padding.rows),
                           size(x.width, shape.kernel.columns, shape.stride.columns, shape.padding.columns),
                           output_layout(weight));
  add_conv(wide ? "convolution 3x3" : "other convolution", weight, bias_of(name, out, bias), x, y, shape);
  return y;
}

void Builder::add_conv(const char* kind, const Weight& weight, std::vector<float> bias, const Map& x,
                       const Map& y, const ConvShape& shape, Finish finish, bool onto) {
  const std::int64_t in = x.channels, out = y.channels;
  const memory::dims dims{out, in, shape.kernel.rows, shape.kernel.columns};
  dnnl::primitive_attr attributes = attributes_of(finish, onto);
  Map from = x;
  memory::desc from_desc = desc_of(x);
  if (weight.is_int8()) {
    bias = unscaled(std::move(bias), weight.sum_scales());
    set_scales(weight, attributes);
    from = quantized(x, weight.input);
    from_desc = desc_of(x, memory::format_tag::nhwc, memory::data_type::s8);
  }
  const auto describe = [=, has_bias = !bias.empty()](const memory::desc& source, const memory::desc& weights,
                                                      const memory::desc& target) {
    return describe_conv(source, weights, has_bias, target, shape, attributes);
  };
  const memory::desc any(dims, type_of(weight), memory::format_tag::any);
  auto description = describe(from_desc, any, desc_of(y));
  if (!weight.is_int8() && is_slow(description))  // not for these layouts on this machine
    description = describe(desc_of(x, memory::format_tag::any), any, desc_of(y, memory::format_tag::any));
  PrimitiveStep step(
      kind,
      [=](std::int64_t images) {
        return describe(times(description.src_desc(), images), description.weights_desc(),
                        times(description.dst_desc(), images));
      },
      product_flops(y.pixels(), in * dims[2] * dims[3], out));
  Map to = y;
  if (description.src_desc() != from_desc) {
    from = map_for(graph_, x, description.src_desc());
    add_reorder(graph_, x, from_desc, from, description.src_desc());
  }
  if (description.dst_desc() != desc_of(y)) to = map_for(graph_, y, description.dst_desc());
  step.add(DNNL_ARG_SRC, from, description.src_desc());
  step.add(DNNL_ARG_DST, to, description.dst_desc());
  step.add(DNNL_ARG_WEIGHTS, packed_weight(pool_, weight, {dims, type_of(weight), memory::format_tag::oihw},
                                           description.weights_desc()));
  if (!bias.empty())
    step.add(DNNL_ARG_BIAS, packed(pool_, bias.data(), vector_desc(out), description.bias_desc()));
  step.add_to(graph_);
  if (description.dst_desc() != desc_of(y)) add_reorder(graph_, to, description.dst_desc(), y, desc_of(y));
}

Map Builder::winograd_conv(std::span<const float> weights, std::vector<float> bias, const Map& x,
                           std::int64_t out) {
  const auto layer = std::make_shared<const Winograd>(Winograd::Shape{x.channels, out, x.height, x.width},
                                                      weights, std::move(bias), thread_count(), &pool_);
  const Map y = graph_.map(out, x.height, x.width, Layout::blocked);
  graph_.step(
      "convolution 3x3", {x, y},
      [layer, x, y](const Memory& memory) {
        layer->run(memory.images(), memory.at(x), memory.scratch(), memory.at(y));
      },
      {product_flops(y.pixels(), 9 * x.channels, out), static_cast<double>(weights.size() * sizeof(float))},
      [layer](std::int64_t images) { return static_cast<std::size_t>(layer->scratch_size(images)); });
  return y;
}

Map Builder::depthwise_silu(const std::string& name, const Map& x) {
  const std::int64_t c = x.channels;
  const Map y = graph_.map(c, x.height, x.width, Layout::pixels);
  const dnnl::primitive_attr attributes = attributes_of(Finish::silu);
  const auto describe = [=](std::int64_t images, const memory::desc& weights) {
    return describe_conv(times(desc_of(x), images), weights, true, times(desc_of(y), images), {3, 1, 1},
                         attributes);
  };
  const auto description = describe(1, {{c, 1, 1, 3, 3}, memory::data_type::f32, memory::format_tag::any});
  PrimitiveStep step(
      "depthwise", [=](std::int64_t images) { return describe(images, description.weights_desc()); },
      product_flops(y.pixels(), 9, c));
  step.add(DNNL_ARG_SRC, x, desc_of(x));
  step.add(DNNL_ARG_DST, y, desc_of(y));
  step.add(DNNL_ARG_WEIGHTS, packed(pool_, parameters_.get(name + ".weight", {c, 1, 3, 3}).data(),
                                    {{c, 1, 1, 3, 3}, memory::data_type::f32, memory::format_tag::goihw},
                                    description.weights_desc()));
  step.add(DNNL_ARG_BIAS, packed(pool_, parameters_.get(name + ".bias", {c}).data(), vector_desc(c),
                                 description.bias_desc()));
  step.add_to(graph_);
  return y;
}

void Builder::transposed_conv(const std::string& name, const Map& x, const Map& y, bool bias) {
  const std::int64_t in = x.channels, out = y.channels;
  const std::int64_t rows = y.height / x.height, columns = y.width / x.width, parts = rows * columns;
  Weight weight = parameters_.weight(name, {in, out, rows, columns}, 1);
  calibrate(name, x, out, 1);
  const Map from = weight.is_int8() ? x : in_layout(x, Layout::blocked);
  // A 1x1 convolution to the channels of all the pixels that one becomes, one pixel behind the other.
  weight.edit_values([&](auto& values) {
    values = values.made(values.size(), [&](auto* to) {
      // As many output channels at a time as have their places in the first-level cache.
      parallel_for(ceil_div(out, kBlock), [&](std::int64_t block) {
        for (std::int64_t i = 0; i < in; ++i) {
          for (std::int64_t o = block * kBlock; o < std::min(out, (block + 1) * kBlock); ++o) {
            for (std::int64_t part = 0; part < parts; ++part)
              to[(part * out + o) * in + i] = values[(i * out + o) * parts + part];
          }
        }
      });
    });
  });
  const auto for_all_parts = [&](const std::vector<float>& once) {
    std::vector<float> all;
    for (std::int64_t part = 0; part < parts; ++part) all.insert(all.end(), once.begin(), once.end());
    return all;
  };
  weight.channel_scales = for_all_parts(weight.channel_scales);
  const Map pixels = graph_.map(parts * out, x.height, x.width, output_layout(weight));
  add_conv("transposed convolution", weight, for_all_parts(bias_of(name, out, bias)), from, pixels,
           kPointwise);
  const std::int64_t part = pixels.layout == Layout::blocked ? out * pixels.pixels() : out;
  add_upsampling("transposed convolution", {rows, columns, part, pixels.strides(), y.image}, pixels, y);
}

void Builder::repeat_pixels(const Map& x, const Map& y) {
  add_upsampling("repetition", {y.height / x.height, y.width / x.width, 0, x.strides(), y.image}, x, y);
}

void Builder::add_upsampling(const char* kind, const Upsampling& to, const Map& x, const Map& y) {
  graph_.step(kind, {x, y}, [to, x, y](const Memory& memory) {
    upsample(to, {memory.images(), y.channels, x.height, x.width}, memory.at(x), memory.at(y));
  });
}

void Builder::add_product(const Weight& weight, std::vector<float> bias, const Map& x, const Map& y,
                          Finish finish, bool onto) {
  const std::int64_t m = x.pixels(), k = x.channels, n = y.channels;
  const auto matrix = [](std::int64_t rows, std::int64_t columns, memory::format_tag tag,
                         memory::data_type type = memory::data_type::f32) {
    return memory::desc({rows, columns}, type, tag);
  };
  dnnl::primitive_attr attributes = attributes_of(finish, onto);
  Map source = x;
  if (weight.is_int8()) {
    bias = unscaled(std::move(bias), weight.sum_scales());
    set_scales(weight, attributes);
    source = quantized(x, weight.input);
  }
  const auto from = matrix(m, k, memory::format_tag::ab, type_of(weight));
  const auto to = matrix(m, n, memory::format_tag::ab), bias_desc = matrix(1, n, memory::format_tag::ab);
  const auto any = matrix(k, n, memory::format_tag::any, type_of(weight));
  const auto describe = [=, has_bias = !bias.empty()](std::int64_t images, const memory::desc& weights) {
    const auto sources = times(from, images), targets = times(to, images);
    return dnnl::matmul::primitive_desc(has_bias ? dnnl::matmul::desc(sources, weights, bias_desc, targets)
                                                 : dnnl::matmul::desc(sources, weights, targets),
                                        attributes, cpu());
  };
  const auto description = describe(1, any);
  // On AVX2, oneDNN's products split sums among threads, and last digits depend on how many there are. Its
  // convolutions do not, and are faster there; older processors have none for pixels.
  if (!weight.is_int8() && std::string_view(description.impl_info_str()).starts_with("gemm") &&
      !is_slow(describe_conv(desc_of(x), {{n, k, 1, 1}, memory::data_type::f32, memory::format_tag::any},
                             !bias.empty(), desc_of(y), kPointwise, attributes)))
    return add_conv("linear", weight, std::move(bias), x, y, kPointwise, finish, onto);
  PrimitiveStep step(
      "linear", [=](std::int64_t images) { return describe(images, description.weights_desc()); },
      product_flops(m, k, n));
  step.add(DNNL_ARG_SRC, source, from);
  step.add(DNNL_ARG_DST, y, to);
  // PyTorch's weight is [n, k].
  step.add(DNNL_ARG_WEIGHTS,
           packed_weight(pool_, weight, matrix(k, n, memory::format_tag::ba, type_of(weight)),
                         description.weights_desc()));
  if (!bias.empty()) step.add(DNNL_ARG_BIAS, packed(pool_, bias.data(), bias_desc, bias_desc));
  step.add_to(graph_);
}

Map Builder::linear(const std::string& name, const Map& x, std::int64_t out, bool bias, Finish finish,
                    std::optional<Rows> rows) {
  Weight weight = parameters_.weight(name, {out, x.channels});
  calibrate(name, x, out, 0);
  if (!rows) return product_of(weight, bias_of(name, out, bias), x, out, finish);
  weight.edit_values(
      [&](auto& values) { values = values.part(rows->first * x.channels, rows->count * x.channels); });
  auto& scales = weight.channel_scales;
  if (weight.is_int8()) scales = {scales.begin() + rows->first, scales.begin() + rows->first + rows->count};
  return product_of(weight, {}, x, rows->count, finish);
}

Map Builder::product_of(const Weight& weight, std::vector<float> bias, const Map& x, std::int64_t out,
                        Finish finish) {
  const Map y = graph_.map(out, x.height, x.width, Layout::pixels);
  add_product(weight, std::move(bias), x, y, finish, false);
  return y;
}

Map Builder::product(const Values<float>& weight, const Map& x, std::int64_t out) {
  return product_of({weight}, {}, x, out, Finish::none);
}

Map Builder::linear_of_two(const std::string& name, const Map& a, const Map& b, std::int64_t out) {
  const std::int64_t in = a.channels + b.channels;
  Weight of_a = parameters_.weight(name, {out, in}), of_b = of_a;
  calibrate(name, a, out, 0);
  calibrate(name, b, out, 0);
  const auto keep = [&](Weight& weight, std::int64_t first, std::int64_t count) {
    weight.edit_values([&](auto& values) {
      values = values.made(static_cast<std::size_t>(out * count), [&](auto* to) {
        for (auto row = values.begin(); row != values.end(); row += in)
          to = std::copy_n(row + first, count, to);
      });
    });
  };
  keep(of_a, 0, a.channels);
  keep(of_b, a.channels, b.channels);
  const Map y = product_of(of_a, bias_of(name, out, true), a, out, Finish::none);
  add_product(of_b, {}, b, y, Finish::none, true);
  return y;
}

Map Builder::head(const std::string& name, const Map& x, std::int64_t classes) {
  return product_of({parameters_.get(name + ".weight", {classes, x.channels, 1, 1})},
                    bias_of(name, classes, true), x, classes, Finish::none);
}

void Builder::linear_onto(const std::string& name, const Map& x, const Map& y) {
  const Weight weight = parameters_.weight(name, {y.channels, x.channels});
  calibrate(name, x, y.channels, 0);
  add_product(weight, {}, x, y, Finish::none, true);
}

namespace {

/// A norm's weight and bias, kept as long as the steps that use them; an instance norm may have none.
struct NormConstants {
  Constant weight, bias;
  LayerNorm norm() const { return {weight->data(), bias->data(), static_cast<std::int64_t>(weight->size())}; }
  InstanceNorm instance_norm(const float* x, const Strides& strides) const {
    return {x, strides, weight ? weight->data() : nullptr, bias ? bias->data() : nullptr};
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
      engine::layer_norm(constants.norm(), memory.images() * x.pixels(), memory.at(x), nullptr, memory.at(y));
    });
  } else {
    graph_.step("layer norm", {x, *gate, y}, [constants, x, gate = *gate, y](const Memory& memory) {
      engine::layer_norm(constants.norm(), memory.images() * x.pixels(), memory.at(x), memory.at(gate),
                         memory.at(y));
    });
  }
  return y;
}

Map Builder::merge_and_norm(const std::string& name, const Map& x) {
  const Map y = graph_.map(4 * x.channels, x.height / 2, x.width / 2, Layout::pixels);
  graph_.step("layer norm", {x, y},
              [constants = norm_constants(*this, name, y.channels), x, y](const Memory& memory) {
                engine::merge_and_norm(constants.norm(), memory.images() * x.height, x.width, memory.at(x),
                                       memory.at(y));
              });
  return y;
}

Map Builder::expand_and_norm(const std::string& name, const Map& x, std::int64_t factor, std::int64_t out) {
  const Map y = graph_.map(out, x.height * factor, x.width * factor, Layout::pixels);
  graph_.step("layer norm", {x, y},
              [constants = norm_constants(*this, name, out), x, y, factor](const Memory& memory) {
                engine::expand_and_norm(constants.norm(), memory.images() * x.height, x.width, factor,
                                        memory.at(x), memory.at(y));
              });
  return y;
}

void Builder::instance_norm(const std::string& name, const Map& x, float slope) {
  const auto constants = instance_constants(*this, name, x.channels);
  graph_.step("instance norm", {x}, [constants, x, slope](const Memory& memory) {
    float* values = memory.at(x);
    engine::instance_norm(constants.instance_norm(values, x.strides()), nullptr, memory.shape(x), slope,
                          values);
  });
}

void Builder::instance_norm_sum(const std::string& name, const Map& a, const Map& b, bool norm_b,
                                float slope) {
  const auto constants = instance_constants(*this, name, a.channels);
  graph_.step("instance norm", {a, b}, [constants, a, b, norm_b, slope](const Memory& memory) {
    const Residual other{{memory.at(b), b.strides()}, !norm_b};
    float* values = memory.at(a);
    engine::instance_norm(constants.instance_norm(values, a.strides()), &other, memory.shape(a), slope,
                          values);
  });
}

Map Builder::patch_embed(const std::string& name, const Map& x, std::int64_t patch, std::int64_t out) {
  const Map rows = graph_.map(x.channels * patch * patch, x.height / patch, x.width / patch, Layout::pixels);
  const auto gather = x.layout == Layout::blocked ? gather_patches_blocked : gather_patches_planar;
  graph_.step("gather", {x, rows}, [x, rows, patch, gather](const Memory& memory) {
    gather(memory.shape(x), patch, memory.at(x), memory.at(rows));
  });
  const Map y = product_of({parameters_.get(name + ".proj.weight", {out, x.channels, patch, patch})},
                           bias_of(name + ".proj", out, true), rows, out, Finish::none);
  return layer_norm(name + ".norm", y);
}

}  // namespace seg::engine
