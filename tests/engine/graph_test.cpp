// Memory and steps for any number of images.
#include "engine/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "engine/primitives.h"

namespace seg::engine {
namespace {

using dnnl::memory;
using Floats = std::vector<float>;

/// y = x + number of images, by way of a map, with as much scratch memory as `scratch` says.
class Adding : public ::testing::Test {
 protected:
  static constexpr std::int64_t kPixels = 5;

  void build(Prepare scratch) {
    const Map x = graph_.external(1, 1, kPixels), y = graph_.external(1, 1, kPixels);
    const Map between = graph_.map(1, 1, kPixels, Layout::planar);
    graph_.step("add", {x, between}, [=](const Memory& memory) {
      for (std::int64_t i = 0; i < memory.images() * kPixels; ++i)
        memory.at(between)[i] = memory.at(x)[i] + static_cast<float>(memory.images());
    });
    const auto copy = [=](const Memory& memory) {
      std::fill_n(memory.scratch(), scratch(memory.images()), -1.f);  // must not be anywhere in the maps
      std::copy_n(memory.at(between), memory.images() * kPixels, memory.at(y));
    };
    graph_.step("copy", {between, y}, copy, {2, 3}, scratch);
    graph_.plan();
  }

  Floats run(std::int64_t images) {
    Floats x(static_cast<std::size_t>(images * kPixels)), y(x.size());
    std::iota(x.begin(), x.end(), 0.f);
    graph_.run({x.data(), y.data()}, images);
    return y;
  }

  static Floats expected(std::int64_t images) {
    Floats y(static_cast<std::size_t>(images * kPixels));
    std::iota(y.begin(), y.end(), static_cast<float>(images));
    return y;
  }

  Graph graph_;
};

TEST_F(Adding, GrowsWithImagesAndWithScratchMemory) {
  build([](std::int64_t images) { return images == 2 ? std::size_t{100000} : std::size_t{10}; });
  EXPECT_EQ(graph_.arena_bytes(), 0u);
  std::size_t bytes = 0;
  for (const std::int64_t images : {5, 2, 5, 1, 7, 1000}) {
    EXPECT_EQ(run(images), expected(images));
    EXPECT_GE(graph_.arena_bytes(), bytes);
    bytes = graph_.arena_bytes();
  }
  EXPECT_GE(bytes, 4u * (100000 + 1000 * kPixels));
}

TEST_F(Adding, GoesOnAfterAFailure) {
  bool fails = true;
  build([&](std::int64_t images) {
    if (images == 3 && fails) throw std::runtime_error("no memory");
    return std::size_t{10};
  });
  EXPECT_EQ(run(1), expected(1));
  EXPECT_THROW(run(3), std::runtime_error);
  EXPECT_EQ(run(1), expected(1));
  fails = false;
  EXPECT_EQ(run(3), expected(3));
}

TEST_F(Adding, TellsTheWorkOfAllImages) {
  build([](std::int64_t) { return std::size_t{0}; });
  std::vector<double> flops, bytes;
  graph_.observe([&](const StepTime& step) {
    flops.push_back(step.work.flops);
    bytes.push_back(step.work.bytes);
  });
  run(4);
  EXPECT_THAT(flops, ::testing::ElementsAre(0, 4 * 2));
  EXPECT_THAT(bytes, ::testing::ElementsAre(4 * 40, 3 + 4 * 40));
}

// A convolution that oneDNN has nothing better for than its plain loops where there are several images, as it
// happens to int8 with weights packed for one. The step must fall back on what it has for one.
TEST(PrimitiveStep, RunsForEachImageWhatItHasForOne) {
  constexpr std::int64_t kChannels = 16, kSide = 6, kImages = 3;
  Graph graph;
  const Map x = graph.external(kChannels, kSide, kSide), y = graph.external(kChannels, kSide, kSide);
  const memory::dims filter{kChannels, kChannels, 3, 3};
  const auto describe = [&](std::int64_t images) {
    const auto weights = images == 1 ? memory::format_tag::oihw : memory::format_tag::iohw;
    return dnnl::convolution_forward::primitive_desc(
        dnnl::convolution_forward::desc(dnnl::prop_kind::forward_inference,
                                        dnnl::algorithm::convolution_direct, times(desc_of(x), images),
                                        {filter, memory::data_type::f32, weights}, times(desc_of(y), images),
                                        {1, 1}, {1, 1}, {1, 1}),
        own_scratchpad(), cpu());
  };
  if (is_slow(describe(1))) GTEST_SKIP() << "oneDNN has nothing better on this machine";
  ASSERT_TRUE(is_slow(describe(kImages)));
  Floats weights(kChannels * kChannels * 9), images(kImages * kChannels * kSide * kSide),
      together(images.size());
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<float>(i % 7) - 3;
  for (std::size_t i = 0; i < images.size(); ++i) images[i] = static_cast<float>(i % 11) - 5;
  FloatPool pool;
  const memory::desc plain(filter, memory::data_type::f32, memory::format_tag::oihw);
  PrimitiveStep step("convolution", describe, 0);
  step.add(DNNL_ARG_SRC, x, desc_of(x));
  step.add(DNNL_ARG_DST, y, desc_of(y));
  step.add(DNNL_ARG_WEIGHTS, packed(pool, weights.data(), plain, plain));
  step.add_to(graph);
  graph.plan();
  graph.run({images.data(), together.data()}, kImages);
  const std::size_t size = images.size() / kImages;
  for (std::size_t i = 0; i < kImages; ++i) {
    Floats alone(size);
    graph.run({&images[i * size], alone.data()}, 1);
    EXPECT_TRUE(std::equal(alone.begin(), alone.end(), &together[i * size])) << "image " << i;
  }
}

}  // namespace
}  // namespace seg::engine
