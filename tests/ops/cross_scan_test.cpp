#include "ops/cross_scan.h"

#include <gtest/gtest.h>

#include <map>

#include "base/error.h"
#include "base/threads.h"
#include "ops/instruction_set.h"
#include "ops/selective_scan.h"
#include "support/goldens.h"
#include "support/tolerances.h"

namespace seg {
namespace {

using testing::formula_values;

// Arrays by the names of CrossScanInputs, "y" and "dy"; those of gradients likewise.
template <class T>
using Arrays = std::map<std::string, std::vector<T>>;

struct Steps {
  double bias_mean = -2, bias_spread = 1.5;  // of the value before softplus
  double a_log_mean = 1;
};

Arrays<float> arrays_for(const CrossScanShape& s, const Steps& steps) {
  const std::int64_t pixels = s.batch * s.pixels();
  const double unit = std::sqrt(3.0);
  Arrays<float> in;
  in["u"] = formula_values("u", pixels * s.channels, 0, unit);
  in["dy"] = formula_values("dy", pixels * s.channels, 0, unit);
  in["x_dbl"] = formula_values("x_dbl", pixels * s.directions * (s.dt_rank + 2 * s.state), 0, unit);
  in["dt_weight"] =
      formula_values("dt_weight", s.directions * s.channels * s.dt_rank, 0, 0.5 / std::sqrt(s.dt_rank));
  in["dt_bias"] = formula_values("dt_bias", s.directions * s.channels, steps.bias_mean, steps.bias_spread);
  in["a_log"] = formula_values("a_log", s.directions * s.channels * s.state, steps.a_log_mean, 1.5);
  in["skip"] = formula_values("skip", s.directions * s.channels, 1, 0.1);
  return in;
}

CrossScanInputs inputs_of(const Arrays<float>& in) {
  return {in.at("u").data(),       in.at("x_dbl").data(), in.at("dt_weight").data(),
          in.at("dt_bias").data(), in.at("a_log").data(), in.at("skip").data()};
}

// Everything is filled with rubbish first: each value must be overwritten.
Arrays<float> run(const CrossScanShape& shape, const Arrays<float>& in) {
  Arrays<float> out;
  for (const auto& [name, values] : in) out[name].assign(values.size(), 1e30f);
  out.erase("dy");
  out["y"].assign(in.at("u").size(), 1e30f);
  std::vector<float> states(cross_scan_states_size(shape));
  cross_scan_forward(shape, inputs_of(in), out["y"].data(), states.data());
  cross_scan_backward(shape, inputs_of(in), states.data(), in.at("dy").data(),
                      {out["u"].data(), out["x_dbl"].data(), out["dt_weight"].data(), out["dt_bias"].data(),
                       out["a_log"].data(), out["skip"].data()});
  return out;
}

// The pixel that direction k reads at step l: rows, columns, and both from the end.
std::int64_t pixel_at(const CrossScanShape& s, int k, std::int64_t l) {
  if (k >= 2) l = s.pixels() - 1 - l;
  const std::int64_t row = k % 2 == 0 ? l / s.width : l % s.height;
  const std::int64_t column = k % 2 == 0 ? l % s.width : l / s.height;
  return row * s.width + column;
}

// The definition in double: the sequences written out, dt projected, one scan with a group per direction.
class Composition {
 public:
  Composition(const CrossScanShape& shape, const Arrays<float>& in) : s_(shape) {
    for (const auto& [name, values] : in) in_[name].assign(values.begin(), values.end());
    const std::int64_t length = s_.pixels();
    for (const char* name : {"u", "delta", "dy"})
      scan_[name].resize(s_.batch * s_.directions * s_.channels * length);
    for (const char* name : {"b", "c"}) scan_[name].resize(s_.batch * s_.directions * s_.state * length);
    for (const double value : in_["a_log"]) scan_["a"].push_back(-std::exp(value));
    for_each_step([&](std::int64_t image, int k, std::int64_t l, std::int64_t pixel) {
      const double* x = x_dbl("x_dbl", in_, pixel, k);
      for (std::int64_t n = 0; n < s_.state; ++n) {
        scan_["b"][shared(image, k, n, l)] = x[s_.dt_rank + n];
        scan_["c"][shared(image, k, n, l)] = x[s_.dt_rank + s_.state + n];
      }
      for (std::int64_t d = 0; d < s_.channels; ++d) {
        double delta = 0;
        for (std::int64_t r = 0; r < s_.dt_rank; ++r) delta += weight(k, d)[r] * x[r];
        scan_["delta"][row(image, k, d, l)] = delta;
        scan_["u"][row(image, k, d, l)] = in_["u"][pixel * s_.channels + d];
        scan_["dy"][row(image, k, d, l)] = in_["dy"][pixel * s_.channels + d];
      }
    });
  }

  Arrays<double> run() {
    const ScanShape shape{s_.batch, s_.directions, s_.channels, s_.state, s_.pixels()};
    const ScanInputs<double> scan{scan_["u"].data(), scan_["delta"].data(), scan_["a"].data(),
                                  scan_["b"].data(), scan_["c"].data(),     in_["skip"].data(),
                                  nullptr,           in_["dt_bias"].data(), true};
    Arrays<double> grad;
    for (const auto& [name, values] : scan_) grad[name].resize(values.size());
    for (const auto& [name, values] : in_) out_[name].assign(values.size(), 0.0);
    out_.erase("dy");
    std::vector<double> y(scan_["u"].size());
    selective_scan_reference(shape, scan, y.data());
    selective_scan_backward_reference(
        shape, scan, scan_["dy"].data(),
        {grad["u"].data(), grad["delta"].data(), grad["a"].data(), grad["b"].data(), grad["c"].data(),
         out_["skip"].data(), nullptr, out_["dt_bias"].data()});
    for (std::size_t i = 0; i < grad["a"].size(); ++i) out_["a_log"][i] = grad["a"][i] * scan_["a"][i];
    collect(y, grad);
    return out_;
  }

 private:
  template <class Body>
  void for_each_step(Body body) const {
    for (std::int64_t image = 0; image < s_.batch; ++image) {
      for (int k = 0; k < s_.directions; ++k) {
        for (std::int64_t l = 0; l < s_.pixels(); ++l) {
          body(image, k, l, image * s_.pixels() + pixel_at(s_, k, l));
        }
      }
    }
  }

  void collect(const std::vector<double>& y, Arrays<double>& grad) {
    out_["y"].assign(in_["u"].size(), 0.0);
    for_each_step([&](std::int64_t image, int k, std::int64_t l, std::int64_t pixel) {
      double* dx = x_dbl("x_dbl", out_, pixel, k);
      const double* x = x_dbl("x_dbl", in_, pixel, k);
      for (std::int64_t n = 0; n < s_.state; ++n) {
        dx[s_.dt_rank + n] = grad["b"][shared(image, k, n, l)];
        dx[s_.dt_rank + s_.state + n] = grad["c"][shared(image, k, n, l)];
      }
      for (std::int64_t d = 0; d < s_.channels; ++d) {
        out_["y"][pixel * s_.channels + d] += y[row(image, k, d, l)];
        out_["u"][pixel * s_.channels + d] += grad["u"][row(image, k, d, l)];
        for (std::int64_t r = 0; r < s_.dt_rank; ++r) {
          dx[r] += grad["delta"][row(image, k, d, l)] * weight(k, d)[r];
          out_["dt_weight"][(k * s_.channels + d) * s_.dt_rank + r] +=
              grad["delta"][row(image, k, d, l)] * x[r];
        }
      }
    });
  }

  std::int64_t row(std::int64_t image, int k, std::int64_t d, std::int64_t l) const {
    return ((image * s_.directions + k) * s_.channels + d) * s_.pixels() + l;
  }
  std::int64_t shared(std::int64_t image, int k, std::int64_t n, std::int64_t l) const {
    return ((image * s_.directions + k) * s_.state + n) * s_.pixels() + l;
  }
  double* x_dbl(const char* name, Arrays<double>& arrays, std::int64_t pixel, int k) const {
    return arrays[name].data() + (pixel * s_.directions + k) * (s_.dt_rank + 2 * s_.state);
  }
  const double* weight(int k, std::int64_t d) const {
    return in_.at("dt_weight").data() + (k * s_.channels + d) * s_.dt_rank;
  }

  CrossScanShape s_;
  Arrays<double> in_, scan_, out_;
};

void expect_agrees_with_composition(const CrossScanShape& shape, const Steps& steps = {}) {
  const auto in = arrays_for(shape, steps);
  const auto got = run(shape, in);
  const auto expected = Composition(shape, in).run();
  for (const auto& [name, values] : expected) {
    ASSERT_EQ(got.at(name).size(), values.size()) << name;
    const double tolerance = name == "y" ? testing::kScanForward : testing::kScanGradient;
    EXPECT_LE((testing::relative_l2<float, double>(got.at(name), values)), tolerance)
        << (name == "y" ? "" : "gradient of ") << name << ", image " << shape.height << "x" << shape.width
        << ", D " << shape.channels << ", N " << shape.state << ", R " << shape.dt_rank << ", bias "
        << steps.bias_mean;
  }
}

TEST(CrossScan, MatchesTheCompositionForManyShapes) {
  // batch, height, width, D, N, R: one pixel, odd images, channels around the vector widths, other states.
  const CrossScanShape shapes[] = {{1, 1, 1, 1, 16, 1},      {1, 1, 1, 20, 16, 6},   {2, 7, 9, 16, 16, 6},
                                   {1, 5, 3, 17, 16, 1},     {1, 16, 16, 96, 16, 6}, {2, 3, 11, 33, 8, 3},
                                   {1, 4, 4, 48, 1, 2},      {1, 1, 37, 5, 16, 4},   {1, 40, 1, 31, 5, 12},
                                   {1, 10, 10, 160, 16, 48}, {3, 2, 2, 64, 24, 6}};
  for (const auto& shape : shapes) expect_agrees_with_composition(shape);
}

TEST(CrossScan, OneDirectionIsAScanOfASequence) {
  expect_agrees_with_composition({2, 100, 1, 40, 16, 3, 1});
  expect_agrees_with_composition({1, 7, 5, 17, 8, 2, 1});
}

TEST(CrossScan, HoldsForTinyAndHugeSteps) {
  const CrossScanShape shape{1, 12, 13, 24, 16, 6};
  expect_agrees_with_composition(shape, {-13.8, 0.5});  // dt about 1e-6
  expect_agrees_with_composition(shape, {-7, 3});
  // Any float decay exp(-dt A) is off by dt A roundings: with A near 1 these would be all that is left at
  // dt 50.
  expect_agrees_with_composition(shape, {50, 1, -2});
  expect_agrees_with_composition(shape, {20, 30});  // both in one image
}

TEST(CrossScan, HoldsForLongSequences) {
  expect_agrees_with_composition({1, 250, 400, 2, 16, 1}, {-4, 1});
}

TEST(CrossScan, HoldsForEveryInstructionSet) {
  ASSERT_FALSE(instruction_sets().empty());
  for (const auto& name : instruction_sets()) {
    SCOPED_TRACE(name);
    use_instruction_set(name);
    expect_agrees_with_composition({1, 6, 7, 40, 16, 6});
    expect_agrees_with_composition({2, 5, 5, 9, 13, 3}, {-13.8, 0.5});
    expect_agrees_with_composition({1, 5, 5, 16, 16, 2}, {20, 30});
  }
  use_instruction_set("");
  EXPECT_THROW(use_instruction_set("abacus"), Error);
}

TEST(CrossScan, IsTheSameForAnyThreadCount) {
  const CrossScanShape shape{2, 9, 14, 200, 16, 6};
  const auto in = arrays_for(shape, {});
  set_thread_count(1);
  const auto expected = run(shape, in);
  for (const int threads : {2, 3}) {
    set_thread_count(threads);
    EXPECT_TRUE(run(shape, in) == expected) << threads << " threads";
  }
  set_thread_count(0);
}

}  // namespace
}  // namespace seg
