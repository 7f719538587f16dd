// Layers against goldens/ops: outputs, input gradients and parameter gradients of the reference's modules.
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "base/json.h"
#include "net/formula_weights.h"
#include "net/mamba.h"
#include "net/unet_blocks.h"
#include "net/vss.h"
#include "net/winograd_conv.h"
#include "support/tolerances.h"

namespace seg {
namespace {

using Inputs = std::map<std::string, Tensor>;
using Forward = std::function<Tensor(const Inputs&)>;

/// The cases of an op. By value: a range-for over `json["cases"]` of a temporary would read freed memory.
Json golden_cases(const std::string& op) {
  const Json cases = read_json(testing::shared_folder() / "goldens/ops" / (op + ".json"))["cases"];
  EXPECT_FALSE(cases.empty());
  return cases;
}

/// Rules of op inputs are "a + b*u, b = ..." or "0 + b*u, b = ...".
Tensor input_by_rule(const Json& input) {
  const auto rule = input["rule"].get<std::string>();
  const double a = std::stod(rule);
  const double b = std::stod(rule.substr(rule.rfind('=') + 1));
  return testing::formula_tensor(input["name"], input["shape"], a, b);
}

/// Runs one golden case of `module` and compares every stored array and every parameter gradient's L2 norm.
void check_case(const std::string& op, const Json& golden, torch::nn::Module& module,
                const Forward& forward) {
  SCOPED_TRACE(op + " " + golden["case"].get<std::string>());
  std::map<std::string, Tensor> results, gradients;
  Inputs inputs;
  for (const auto& input : golden["inputs"]) inputs[input["tag"]] = input_by_rule(input);
  for (auto& [tag, tensor] : inputs) tensor.set_requires_grad(tag != "dout");
  results["out"] = forward(inputs);
  (results["out"] * inputs["dout"]).sum().backward();
  for (auto& [tag, tensor] : inputs) results["grad_" + tag] = tensor.grad();
  for (const auto& item : module.named_parameters()) {
    std::string flat = item.key();
    std::replace(flat.begin(), flat.end(), '.', '_');
    results["grad_" + flat] = item.value().grad();
    gradients[item.key()] = item.value().grad();
  }
  for (const auto& output : golden["outputs"]) {
    const auto tag = output["tag"].get<std::string>();
    ASSERT_TRUE(results.count(tag)) << tag;
    const Tensor reference = testing::golden_tensor("ops/" + output["file"].get<std::string>());
    EXPECT_LE(testing::relative_l2(results[tag], reference), testing::kLayer) << tag;
  }
  for (const auto& expected : golden["parameter_gradients"]) {
    const auto name = expected["name"].get<std::string>();
    const double l2 = gradients.at(name).to(torch::kFloat64).norm().item<double>();
    const double reference = expected["l2"].get<double>();
    if (reference < testing::kZeroGradient) {  // a bias before an instance norm
      EXPECT_LT(l2, testing::kZeroGradient) << name;
    } else {
      EXPECT_NEAR(l2, reference, testing::kLayer * reference) << name;
    }
  }
}

/// Every case of an op whose module takes one input.
void check_op(const std::string& op,
              const std::function<std::shared_ptr<torch::nn::Module>(const Json&)>& make,
              const std::function<Tensor(torch::nn::Module&, const Inputs&)>& forward) {
  for (const auto& golden : golden_cases(op)) {
    const auto module = make(golden);
    if (!module) continue;
    testing::fill_by_formula(*module);
    check_case(op, golden, *module, [&](const Inputs& inputs) { return forward(*module, inputs); });
  }
}

template <class Module>
Tensor forward_one(torch::nn::Module& module, const Inputs& inputs) {
  return module.as<Module>()->forward(inputs.at("input"));
}

TEST(Layers, Ss2d) {
  SEG_REQUIRE_SHARED("goldens/ops/ss2d.json");
  for (const auto& golden : golden_cases("ss2d")) {
    Ss2d module(golden["d_model"].get<std::int64_t>());
    testing::fill_by_formula(module);
    if (golden["case"].get<std::string>().starts_with(
            "strong")) {  // larger dt, B and C than the global formula gives
      const torch::NoGradGuard no_grad;
      for (auto& [name, tensor] : state_dict(module)) {
        if (name != "x_proj_weight" && name != "dt_projs_weight") continue;
        const double b = std::sqrt(3.0 / static_cast<double>(tensor.size(-1)));
        tensor.copy_(testing::formula_tensor(name, tensor.sizes().vec(), 0, b));
      }
    }
    check_case("ss2d", golden, module,
               [&](const Inputs& inputs) { return module.forward(inputs.at("input")); });
  }
}

TEST(Layers, VssBlock) {
  SEG_REQUIRE_SHARED("goldens/ops/vssblock.json");
  const auto make = [](const Json& golden) -> std::shared_ptr<torch::nn::Module> {
    if (golden["case"] == "eps1e-6") return nullptr;  // a layer norm no network of the paper is built with
    return std::make_shared<VssBlock>(golden["hidden_dim"].get<std::int64_t>(), 0.0);
  };
  check_op("vssblock", make, forward_one<VssBlock>);
}

TEST(Layers, PatchMerging) {
  SEG_REQUIRE_SHARED("goldens/ops/patch_merging2d.json");
  const auto make = [](const Json& golden) {
    return std::make_shared<PatchMerging>(golden["dim"].get<std::int64_t>());
  };
  check_op("patch_merging2d", make, forward_one<PatchMerging>);
}

TEST(Layers, PatchEmbedding) {
  SEG_REQUIRE_SHARED("goldens/ops/patch_embed2d.json");
  const auto make = [](const Json& golden) {
    return std::make_shared<PatchEmbed>(golden["patch_size"].get<std::int64_t>(),
                                        golden["inputs"][0]["shape"][1].get<std::int64_t>(), 96);
  };
  check_op("patch_embed2d", make, forward_one<PatchEmbed>);
}

TEST(Layers, PatchExpanding) {
  SEG_REQUIRE_SHARED("goldens/ops/patch_expand.json");
  const auto make = [](const Json& golden) {
    const auto dim = golden["dim"].get<std::int64_t>();
    return std::make_shared<PatchExpand>(dim, 2, dim / 2);
  };
  check_op("patch_expand", make, forward_one<PatchExpand>);
}

TEST(Layers, FinalPatchExpanding) {
  SEG_REQUIRE_SHARED("goldens/ops/final_patch_expand_x4.json");
  const auto make = [](const Json& golden) {
    const auto dim = golden["dim"].get<std::int64_t>();
    return std::make_shared<PatchExpand>(dim, 4, dim);
  };
  check_op("final_patch_expand_x4", make, forward_one<PatchExpand>);
}

TEST(Layers, ResidualStage) {
  SEG_REQUIRE_SHARED("goldens/ops/unetr_basic_block.json");
  const auto make = [](const Json& golden) {
    return std::make_shared<ResidualStage>(golden["in_channels"].get<std::int64_t>(),
                                           golden["out_channels"].get<std::int64_t>());
  };
  check_op("unetr_basic_block", make, forward_one<ResidualStage>);
}

TEST(Layers, UpStage) {
  SEG_REQUIRE_SHARED("goldens/ops/unetr_up_block.json");
  const auto make = [](const Json& golden) {
    return std::make_shared<UpStage>(golden["in_channels"].get<std::int64_t>(),
                                     golden["out_channels"].get<std::int64_t>());
  };
  check_op("unetr_up_block", make, [](torch::nn::Module& module, const Inputs& inputs) {
    return module.as<UpStage>()->forward(inputs.at("input"), inputs.at("skip"));
  });
}

StageShape stage_shape(const Json& golden) {
  const auto stride = golden["stride"].get<std::int64_t>();
  return {golden["input_channels"].get<std::int64_t>(),
          golden["output_channels"].get<std::int64_t>(),
          {3, 3},
          {stride, stride}};
}

TEST(Layers, ResidualBlockD) {
  SEG_REQUIRE_SHARED("goldens/ops/dna_basic_block_d.json");
  const auto make = [](const Json& golden) { return std::make_shared<ResidualBlockD>(stage_shape(golden)); };
  check_op("dna_basic_block_d", make, forward_one<ResidualBlockD>);
}

TEST(Layers, ConvSkipBlock) {
  SEG_REQUIRE_SHARED("goldens/ops/umamba_basic_res_block.json");
  const auto make = [](const Json& golden) { return std::make_shared<ConvSkipBlock>(stage_shape(golden)); };
  check_op("umamba_basic_res_block", make, forward_one<ConvSkipBlock>);
}

TEST(Layers, MambaOverPixelsAndOverChannels) {
  SEG_REQUIRE_SHARED("goldens/ops/mamba_layer.json");
  const auto make = [](const Json& golden) {
    return std::make_shared<MambaLayer>(golden["dim"].get<std::int64_t>(),
                                        golden["channel_token"].get<bool>());
  };
  check_op("mamba_layer", make, forward_one<MambaLayer>);
}

TEST(Layers, MambaIsCausal) {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(14);
  Mamba module(8);
  const Tensor x = torch::randn({1, 20, 8});
  Tensor changed = x.clone();
  changed.slice(1, 12) += 1;
  const Tensor before = module.forward(x), after = module.forward(changed);
  EXPECT_TRUE(torch::equal(before.slice(1, 0, 12), after.slice(1, 0, 12)));
  EXPECT_FALSE(torch::allclose(before.slice(1, 12, 13), after.slice(1, 12, 13)));
}

TEST(Layers, DropPathSkipsWholeSamplesAtItsRate) {
  torch::manual_seed(11);
  VssBlock block(16, 0.4);
  block.train();
  const torch::NoGradGuard no_grad;
  const Tensor x = torch::randn({400, 1, 1, 16});
  const Tensor change = (block.forward(x) - x).abs().amax({1, 2, 3});
  const double skipped = (change == 0).to(torch::kFloat64).mean().item<double>();
  EXPECT_NEAR(skipped, 0.4, 0.1);  // four standard deviations
  block.eval();
  EXPECT_EQ(((block.forward(x) - x).abs().amax({1, 2, 3}) == 0).sum().item<std::int64_t>(), 0);
}

TEST(Layers, DropPathRatesGrowLinearlyThroughTheEncoder) {
  VssEncoder encoder(4, 1);
  std::vector<double> rates;
  for (const auto& module : encoder.modules(/*include_self=*/false)) {
    if (const auto* drop_path = module->as<DropPath>()) rates.push_back(drop_path->rate());
  }
  ASSERT_EQ(rates.size(), 15u);
  for (std::size_t i = 0; i < rates.size(); ++i)
    EXPECT_NEAR(rates[i], 0.2 * static_cast<double>(i) / 14, 1e-12);
}

/// dt is log-uniform in [0.001, 0.1] behind softplus, A is 1..N, D is 1.
void check_scan_parameters(const Tensor& dt_bias, const Tensor& a_log, const Tensor& d) {
  const Tensor dt = torch::softplus(dt_bias);
  EXPECT_GE(dt.min().item<double>(), 1e-3 * 0.999);
  EXPECT_LE(dt.max().item<double>(), 0.1 * 1.001);
  EXPECT_NEAR(dt.log().mean().item<double>(), (std::log(1e-3) + std::log(0.1)) / 2, 0.2);
  const Tensor states = torch::arange(1, 17, torch::kFloat32).expand_as(a_log);
  EXPECT_LE(testing::max_abs_difference(a_log.exp(), states), 1e-5);
  EXPECT_TRUE(torch::equal(d, torch::ones_like(d)));
}

std::map<std::string, Tensor> tensors_of(const torch::nn::Module& module) {
  std::map<std::string, Tensor> tensors;
  for (const auto& [name, tensor] : state_dict(module)) tensors[name] = tensor.detach();
  return tensors;
}

TEST(Layers, ScanParametersStartAsInMamba) {
  torch::manual_seed(12);
  const auto ss2d = tensors_of(Ss2d(96)), mamba = tensors_of(Mamba(256));
  check_scan_parameters(ss2d.at("dt_projs_bias"), ss2d.at("A_logs"), ss2d.at("Ds"));
  check_scan_parameters(mamba.at("dt_proj.bias"), mamba.at("A_log"), mamba.at("D"));
  const double bound = 1 / std::sqrt(16.0);  // of the rank, 256 / 16
  EXPECT_LE(mamba.at("dt_proj.weight").abs().max().item<double>(), bound);
  EXPECT_NEAR(mamba.at("dt_proj.weight").std().item<double>(), bound / std::sqrt(3.0), 0.02 * bound);
}

TEST(Layers, ConvolutionsOfUNetsStartAsInNnUNet) {
  torch::manual_seed(13);
  for (const char* name : {"nnunet", "umamba_bot", "umamba_enc_v1"}) {
    SCOPED_TRACE(name);
    for (const auto& [key, tensor] : first_names(state_dict(*make_network(name, {2, 3, true, {64, 64}})))) {
      if (key.find("mamba") != std::string::npos) continue;
      if (tensor.dim() == 4 && tensor.numel() > 10000) {
        // Kaiming normal with slope 0.01; the fan of a transposed convolution is that of its output channels.
        const double fan = static_cast<double>(tensor.numel() / tensor.size(0));
        const double expected = std::sqrt(2 / (1 + 1e-4) / fan);
        EXPECT_NEAR(tensor.std().item<double>(), expected, 0.04 * expected) << key;
        EXPECT_NEAR(tensor.mean().item<double>(), 0, 0.05 * expected) << key;
      } else if (tensor.dim() == 1) {  // biases are 0, weights of norms 1
        const bool zeroed =
            std::string_view(name) == "umamba_enc_v1" && key.find(".conv2.norm.") != std::string::npos;
        const double expected = key.ends_with("weight") && !zeroed ? 1 : 0;
        EXPECT_TRUE(torch::equal(tensor, torch::full_like(tensor, expected))) << key;
      }
    }
  }
}

/// Outputs and gradients of `ours` and of `plain` for the same inputs, from the sum of the outputs' products
/// with some weights.
void expect_same_gradients(const std::function<Tensor(const std::vector<Tensor>&)>& ours,
                           const std::function<Tensor(const std::vector<Tensor>&)>& plain,
                           const std::vector<Tensor>& inputs) {
  const auto run = [&](const auto& forward, torch::ScalarType type) {
    std::vector<Tensor> leaves, results;
    for (const Tensor& input : inputs) leaves.push_back(input.detach().to(type).requires_grad_());
    const Tensor y = forward(leaves);
    const Tensor weights =
        torch::sin(torch::arange(y.numel(), torch::kFloat64) * 0.7).view(y.sizes()).to(type);
    (y * weights).sum().backward();
    results.push_back(y.detach());
    for (const Tensor& leaf : leaves) results.push_back(leaf.grad());
    return results;
  };
  const auto got = run(ours, torch::kFloat32), expected = run(plain, torch::kFloat64);
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_LE(testing::relative_l2(got[i], expected[i]), testing::kLayer)
        << (i == 0 ? "output" : "gradient ") << i;
  }
}

TEST(Layers, ConvolutionsInTrainingAreLibTorchs) {
  torch::manual_seed(1);
  for (const auto& [in, out, height, width] : {std::array{16, 48, 12, 9}, {64, 32, 30, 33}}) {
    const std::vector<Tensor> inputs{torch::randn({2, in, height, width}), torch::randn({out, in, 3, 3}),
                                     torch::randn({out})};
    ASSERT_TRUE(winograd_conv_takes(inputs[0], inputs[1]));
    expect_same_gradients([](const auto& t) { return winograd_conv(t[0], t[1], t[2]); },
                          [](const auto& t) { return torch::conv2d(t[0], t[1], t[2], 1, 1); }, inputs);
  }
}

}  // namespace
}  // namespace seg
