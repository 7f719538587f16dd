#include "ops/selective_scan.h"

#include <gtest/gtest.h>

#include <map>

#include "base/json.h"
#include "base/npy.h"
#include "base/threads.h"
#include "support/goldens.h"
#include "support/tolerances.h"

namespace seg {
namespace {

using testing::formula_key;
using testing::formula_u;
using testing::relative_l2;

template <class T>
using Arrays = std::map<std::string, std::vector<T>>;

// Values by the rules of selective_scan.json: "a + b*u, b = ..." or "-(1 + (i mod N)) * (1 + 0.1*u)".
std::vector<float> values_by_rule(const std::string& name, std::int64_t count, const std::string& rule) {
  const std::string spread = " + b*u, b = ", decay = "-(1 + (i mod ";
  if (const auto at = rule.find(spread); at != std::string::npos) {
    return testing::formula_values(name, count, std::stod(rule), std::stod(rule.substr(at + spread.size())));
  }
  if (!rule.starts_with(decay) || !rule.ends_with(")) * (1 + 0.1*u)"))
    fail("{}: unknown rule \"{}\"", name, rule);
  const std::int64_t states = std::stol(rule.substr(decay.size()));
  std::vector<float> values(count);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto state = static_cast<double>(i % states);
    values[i] = static_cast<float>(-(1 + state) * (1 + 0.1 * formula_u(formula_key(name), i)));
  }
  return values;
}

std::int64_t count_of(const Json& array) {
  std::int64_t count = 1;
  for (const auto& extent : get<std::vector<std::int64_t>>(array, "shape")) count *= extent;
  return count;
}

template <class T>
const T* pointer(const Arrays<T>& arrays, const std::string& tag) {
  const auto found = arrays.find(tag);
  return found == arrays.end() ? nullptr : found->second.data();
}

template <class T>
ScanInputs<T> inputs_of(const Arrays<T>& in, bool softplus) {
  return {in.at("u").data(), in.at("delta").data(),     in.at("A").data(),
          in.at("B").data(), in.at("C").data(),         pointer(in, "D"),
          pointer(in, "z"),  pointer(in, "delta_bias"), softplus};
}

// Room for the output and the gradients, filled with rubbish: every value must be overwritten.
template <class T>
Arrays<T> outputs_for(const Arrays<T>& in) {
  Arrays<T> out;
  for (const auto& [tag, values] : in) {
    if (tag != "dout") out["grad_" + tag].assign(values.size(), T(1e30));
  }
  out["out"].assign(in.at("u").size(), T(1e30));
  return out;
}

template <class T>
ScanGradients<T> gradients_of(Arrays<T>& out) {
  const auto at = [&](const char* tag) { return const_cast<T*>(pointer(out, tag)); };
  return {at("grad_u"), at("grad_delta"), at("grad_A"), at("grad_B"),
          at("grad_C"), at("grad_D"),     at("grad_z"), at("grad_delta_bias")};
}

template <class T>
Arrays<T> run_reference(const ScanShape& shape, const Arrays<T>& in, bool softplus) {
  Arrays<T> out = outputs_for(in);
  selective_scan_reference(shape, inputs_of(in, softplus), out["out"].data());
  selective_scan_backward_reference(shape, inputs_of(in, softplus), in.at("dout").data(), gradients_of(out));
  return out;
}

Arrays<float> run_threaded(const ScanShape& shape, const Arrays<float>& in, bool softplus) {
  Arrays<float> out = outputs_for(in);
  selective_scan_forward(shape, inputs_of(in, softplus), out["out"].data());
  selective_scan_backward(shape, inputs_of(in, softplus), in.at("dout").data(), gradients_of(out));
  return out;
}

Arrays<double> widened(const Arrays<float>& arrays) {
  Arrays<double> wide;
  for (const auto& [tag, values] : arrays) wide[tag].assign(values.begin(), values.end());
  return wide;
}

template <class A, class B>
void expect_near(const std::string& label, std::span<const A> got, std::span<const B> expected,
                 double tolerance) {
  ASSERT_EQ(got.size(), expected.size()) << label;
  EXPECT_LE(relative_l2(got, expected), tolerance) << label;
}

void expect_near(const std::string& label, const Arrays<float>& got, const Arrays<double>& expected) {
  ASSERT_EQ(got.size(), expected.size());
  for (const auto& [tag, values] : expected) {
    expect_near<float, double>(label + " " + tag, got.at(tag), values,
                               tag == "out" ? testing::kScanForward : testing::kScanGradient);
  }
}

Arrays<float> arrays_for(const ScanShape& s, double delta_mean, double delta_spread, bool with_z) {
  const std::int64_t rows = s.batch * s.channels() * s.length;
  const std::int64_t shared = s.batch * s.groups * s.state * s.length;
  const double unit = std::sqrt(3.0);
  Arrays<float> in;
  in["u"] = testing::formula_values("u", rows, 0, unit);
  in["dout"] = testing::formula_values("dout", rows, 0, unit);
  in["delta"] = testing::formula_values("delta", rows, delta_mean, delta_spread);
  in["A"] = testing::formula_values("A", s.channels() * s.state, -4, 3.5);
  in["B"] = testing::formula_values("B", shared, 0, unit);
  in["C"] = testing::formula_values("C", shared, 0, unit);
  in["D"] = testing::formula_values("D", s.channels(), 1, 0.1);
  in["delta_bias"] = testing::formula_values("delta_bias", s.channels(), 0, 0.5);
  if (with_z) in["z"] = testing::formula_values("z", rows, 0, unit);
  return in;
}

TEST(SelectiveScan, MatchesGoldens) {
  SEG_REQUIRE_SHARED("goldens/ops/selective_scan.json");
  const auto folder = testing::shared_folder() / "goldens/ops";
  const Json golden = read_json(folder / "selective_scan.json");
  ASSERT_GE(golden.at("cases").size(), 13u);
  for (const Json& test_case : golden.at("cases")) {
    const auto name = get<std::string>(test_case, "case");
    const ScanShape shape{get<std::int64_t>(test_case, "B"), get<std::int64_t>(test_case, "groups"),
                          get<std::int64_t>(test_case, "channels_per_group"),
                          get<std::int64_t>(test_case, "d_state"), get<std::int64_t>(test_case, "L")};
    const bool softplus = get<bool>(test_case, "delta_softplus");
    Arrays<float> in;
    for (const Json& input : test_case.at("inputs")) {
      in[get<std::string>(input, "tag")] =
          values_by_rule(get<std::string>(input, "name"), count_of(input), get<std::string>(input, "rule"));
    }
    const auto in_float = run_reference(shape, in, softplus);
    const auto in_double = run_reference(shape, widened(in), softplus);
    const auto threaded = run_threaded(shape, in, softplus);
    ASSERT_EQ(threaded.size(), test_case.at("outputs").size()) << name;
    for (const Json& output : test_case.at("outputs")) {
      const auto tag = get<std::string>(output, "tag");
      const NpyFile file(folder / get<std::string>(output, "file"));
      const auto expected = file.values<float>();
      const double tolerance = tag == "out" ? testing::kScanGolden : testing::kScanGoldenGradient;
      expect_near<double, float>(name + " double " + tag, in_double.at(tag), expected, tolerance);
      expect_near<float, float>(name + " float " + tag, in_float.at(tag), expected, tolerance);
      expect_near<float, float>(name + " threaded " + tag, threaded.at(tag), expected, tolerance);
    }
    expect_near(name, threaded, in_double);
  }
}

TEST(SelectiveScan, AgreesWithDoubleForManyShapes) {
  const ScanShape shapes[] = {{1, 1, 1, 1, 1}, {2, 1, 17, 16, 65}, {1, 3, 33, 16, 31}, {1, 1, 40, 5, 130}};
  for (const auto& shape : shapes) {
    for (const bool with_z : {false, true}) {
      const auto in = arrays_for(shape, -1, 2, with_z);
      expect_near(fmt::format("N {} L {}", shape.state, shape.length), run_threaded(shape, in, true),
                  run_reference(shape, widened(in), true));
    }
  }
}

TEST(SelectiveScan, IsTheSameForAnyThreadCount) {
  const ScanShape shape{2, 2, 37, 16, 77};
  const auto in = arrays_for(shape, -1, 2, true);
  set_thread_count(1);
  const auto expected = run_threaded(shape, in, true);
  for (const int threads : {2, 3, 5}) {
    set_thread_count(threads);
    EXPECT_TRUE(run_threaded(shape, in, true) == expected) << threads << " threads";
  }
  set_thread_count(0);
}

}  // namespace
}  // namespace seg
