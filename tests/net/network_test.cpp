// Every row of the network table against the reference's keys and outputs, and properties any network must
// have.
#include "net/network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/optim/sgd.h>

#include <map>

#include "base/json.h"
#include "net/formula_weights.h"
#include "support/tolerances.h"

namespace seg {
namespace {

using testing::formula_input;

/// Reference numbers of one instance of a network.
struct Golden {
  std::string network, file;
  void PrintTo(std::ostream* out) const { *out << file; }
};

/// At least one per row; a file has the row's name unless it is listed here.
std::vector<Golden> goldens() {
  const std::map<std::string, std::vector<std::string>> files{
      {"nnunet", {"nnunet", "nnunet_7stage"}},
      {"umamba_enc_v1", {"umamba_enc_v1", "umamba_enc_v1_7stage"}},
      {"vmamba_tiny", {"vmamba_tiny_v1"}},
      {"nnformer", {"nnformer2d"}},
  };
  std::vector<Golden> all;
  for (const auto& network : testing::network_names()) {
    const auto listed = files.find(network);
    if (listed == files.end()) all.push_back({network, network});
    if (listed == files.end()) continue;
    for (const auto& file : listed->second) all.push_back({network, file});
  }
  return all;
}

class GoldenNetwork : public ::testing::TestWithParam<Golden> {
 protected:
  void SetUp() override {
    SEG_REQUIRE_SHARED("goldens/networks");
    json_ = read_json(testing::shared_folder() / "goldens/networks" / (GetParam().file + ".json"));
    network_ =
        make_network(GetParam().network, {json_["in_channels"].get<std::int64_t>(),
                                          json_["classes"].get<std::int64_t>(), true, built_for(json_)});
  }

  /// The size the reference was constructed for, where that matters.
  static Size2d built_for(const Json& json) {
    const auto size = get_or<std::vector<std::int64_t>>(json, "constructor_size", {});
    if (size.size() == 2) return {size[0], size[1]};
    const auto shape = json["input"]["shape"].get<std::vector<std::int64_t>>();
    return {shape[2], shape[3]};
  }

  Json json_;
  std::shared_ptr<Network> network_;
};

TEST_P(GoldenNetwork, HasTheReferencesKeysInOrder) {
  const auto tensors = state_dict(*network_);
  ASSERT_EQ(tensors.size(), json_["entries"].size());
  std::map<std::string, Tensor> by_name;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const Json& entry = json_["entries"][i];
    const auto& [name, tensor] = tensors[i];
    ASSERT_EQ(name, entry["name"].get<std::string>());
    EXPECT_EQ(tensor.sizes().vec(), entry["shape"].get<std::vector<std::int64_t>>()) << name;
    by_name[name] = tensor;
    const auto first_name = get_or<std::string>(entry, "alias_of", name);
    EXPECT_TRUE(tensor.is_same(by_name.at(first_name))) << name;
  }
  std::int64_t parameters = 0;
  for (const auto& parameter : network_->parameters()) parameters += parameter.numel();
  EXPECT_EQ(parameters, json_["parameters"].get<std::int64_t>());
}

TEST_P(GoldenNetwork, MatchesTheReferencesOutputs) {
  const torch::NoGradGuard no_grad;
  testing::fill_by_formula(*network_);
  network_->eval();
  const auto outputs = network_->forward(formula_input("input", json_["input"]["shape"]));
  ASSERT_EQ(outputs.size(), json_["outputs"].size());
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Json& expected = json_["outputs"][i];
    // Where the reference's own rounding is large, its float64 run is the truth.
    const auto file = get_or<std::string>(expected, "float64_run_file", expected["file"]);
    const auto reference = testing::golden_tensor("networks/" + file);
    ASSERT_EQ(outputs[i].sizes(), reference.sizes());
    const double noise = expected["max_abs_diff_to_float64_run"].get<double>();
    EXPECT_LE(testing::max_abs_difference(outputs[i], reference), testing::kNetworkNoiseFactor * noise)
        << "head " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, GoldenNetwork, ::testing::ValuesIn(goldens()),
                         [](const auto& instance) { return instance.param.file; });

class EveryNetwork : public ::testing::TestWithParam<std::string> {
 protected:
  static std::shared_ptr<Network> make(std::int64_t in_channels, std::int64_t classes,
                                       bool deep_supervision) {
    return make_network(GetParam(), {in_channels, classes, deep_supervision, {64, 64}});
  }
};

TEST_P(EveryNetwork, PadsAnySizeInsideAndCropsBack) {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(1);
  const auto network = make(2, 3, true);
  network->eval();
  for (const auto& [height, width] : {std::pair<std::int64_t, std::int64_t>{1, 1}, {33, 50}}) {
    const auto outputs = network->forward(torch::randn({1, 2, height, width}));
    if (!find_network(GetParam()).segments) {
      EXPECT_EQ(outputs.at(0).sizes().vec(), (std::vector<std::int64_t>{1, 3}));
      continue;
    }
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const auto head = [](std::int64_t size, double scale) {
        return std::max<std::int64_t>(1, scaled_size(size, scale));
      };
      const auto& [y, x] = network->scales()[i];
      EXPECT_EQ(outputs[i].sizes().vec(), (std::vector<std::int64_t>{1, 3, head(height, y), head(width, x)}));
      EXPECT_TRUE(torch::isfinite(outputs[i]).all().item<bool>());
    }
  }
}

TEST_P(EveryNetwork, OneHeadWithoutDeepSupervisionIsTheFirst) {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(2);
  const auto network = make(1, 2, true);
  network->eval();
  const Tensor x = torch::randn({1, 1, 32, 64});
  const auto every = network->forward(x);
  network->set_deep_supervision(false);
  const auto single = network->forward(x);
  ASSERT_EQ(single.size(), 1u);
  EXPECT_TRUE(torch::equal(single[0], every[0]));
}

TEST_P(EveryNetwork, SurvivesSavingAndLoading) {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(3);
  const auto saved = make(1, 2, false);
  torch::manual_seed(4);
  const auto loaded = make(1, 2, false);
  const auto path = fs::path(::testing::TempDir()) / (GetParam() + "_saved.safetensors");
  write_safetensors(path, views_of(state_dict(*saved)), {});
  load_state_dict_strictly(*loaded, read_network_weights(path));
  fs::remove(path);
  saved->eval();
  loaded->eval();
  const Tensor x = torch::randn({1, 1, 32, 32});
  EXPECT_TRUE(torch::equal(saved->forward(x)[0], loaded->forward(x)[0]));
}

TEST_P(EveryNetwork, GivesFiniteGradientsToAllButTheOtherHeads) {
  torch::manual_seed(5);
  const auto network = make(1, 2, false);
  network->train();
  network->forward(torch::randn({2, 1, 64, 64}))[0].square().mean().backward();
  const auto not_used = [](const std::string& key) {  // by the first version of swin_umamba
    return GetParam() == "swin_umamba_v1" &&
           (key.starts_with("vssm_encoder.layers.3.") || key.starts_with("vssm_encoder.downsamples.2."));
  };
  std::size_t without = 0;
  for (const auto& item : network->named_parameters()) {
    if (item.value().grad().defined()) {
      EXPECT_TRUE(torch::isfinite(item.value().grad()).all().item<bool>()) << item.key();
    } else if (!not_used(item.key())) {
      ++without;
    }
  }
  const std::size_t heads = std::max<std::size_t>(1, network->scales().size());
  EXPECT_EQ(without, 2 * (heads - 1));  // weight and bias of each head
}

/// One step of gradient descent changes the loss by what the gradient promises.
TEST_P(EveryNetwork, OneOptimiserStepLowersTheLossAsItsGradientSays) {
  torch::manual_seed(6);
  const auto network = make(1, 2, true);
  set_drop_path_rate(*network, 0);
  network->train();
  const Tensor x = torch::randn({2, 1, 64, 64});
  const auto loss = [&] {
    Tensor sum = torch::zeros({});
    for (const Tensor& output : network->forward(x)) sum = sum + (output - 1).square().mean();
    return sum;
  };
  const Tensor before = loss();
  before.backward();
  double squares = 0;
  for (const Tensor& parameter : network->parameters()) {
    if (parameter.grad().defined())
      squares += parameter.grad().to(torch::kFloat64).square().sum().item<double>();
  }
  const double promised = 1e-3 * before.item<double>();
  torch::optim::SGD(network->parameters(), torch::optim::SGDOptions(promised / squares)).step();
  const double got = before.item<double>() - loss().item<double>();
  EXPECT_NEAR(got, promised, 0.05 * promised);
}

TEST_P(EveryNetwork, RefusesWeightsOfAnotherShape) {
  const auto network = make(1, 2, false);
  const auto other = make(3, 5, false);
  try {
    load_state_dict_strictly(*network, state_dict(*other));
    FAIL() << "must throw";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("of another shape"));
    EXPECT_FALSE(error.hint().empty());
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, EveryNetwork, ::testing::ValuesIn(testing::network_names()),
                         [](const auto& instance) { return instance.param; });

TEST(StateDict, OfATensorWithSeveralNamesTheFirstIsEnough) {
  const NetworkConfig config{1, 2, false, {32, 32}};
  torch::manual_seed(6);
  const auto saved = make_network("nnunet", config), loaded = make_network("nnunet", config);
  const auto every = state_dict(*saved), once = first_names(every);
  EXPECT_EQ(once.size(), saved->named_parameters().size());
  EXPECT_LT(once.size(), every.size());
  load_state_dict_strictly(*loaded, once);
  for (const auto& [name, tensor] : state_dict(*loaded)) {
    const auto same = [key = name](const auto& item) { return item.first == key; };
    EXPECT_TRUE(torch::equal(tensor, std::find_if(every.begin(), every.end(), same)->second)) << name;
  }
  auto incomplete = once;
  incomplete.pop_back();
  EXPECT_EQ(load_state_dict(*loaded, incomplete).missing, std::vector{once.back().first});
}

std::vector<double> drop_path_rates(const std::string& name) {
  std::vector<double> rates;
  const auto network = make_network(name, {1, 2, false, {64, 64}});
  for (const auto& module : network->modules(/*include_self=*/false)) {
    if (const auto* drop_path = module->as<DropPath>()) rates.push_back(drop_path->rate());
  }
  return rates;
}

TEST(NetworkTable, DropPathRatesAreTheReferences) {
  const auto grow = [](const std::vector<int>& places, double last, int steps) {
    std::vector<double> rates;
    for (const int place : places) rates.push_back(last * place / steps);
    return rates;
  };
  using ::testing::DoubleEq;
  using ::testing::Pointwise;
  EXPECT_THAT(drop_path_rates("vmamba_tiny"),
              Pointwise(DoubleEq(), grow({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}, 0.1, 14)));
  auto nnformer = grow({0, 1, 2, 3, 4, 5, 6, 7}, 0.2, 7);
  const auto decoder = grow({4, 5, 2, 3, 0, 1}, 0.2, 5);  // growing from the bottleneck to the output
  nnformer.insert(nnformer.end(), decoder.begin(), decoder.end());
  EXPECT_THAT(drop_path_rates("nnformer"), Pointwise(DoubleEq(), nnformer));
  EXPECT_THAT(drop_path_rates("swin_unetr"), ::testing::Each(0.0));
}

TEST(NetworkTable, StartsFromTheReferencesDistributions) {
  torch::manual_seed(8);
  const auto expect_normal = [](const std::string& name, const std::string& key) {
    const auto network = make_network(name, {1, 200, false, {128, 128}});
    const Tensor values = network->named_parameters()[key].detach();
    const double n = std::sqrt(static_cast<double>(values.numel()));
    EXPECT_NEAR(values.mean().item<double>(), 0, 4 * 0.02 / n) << key;
    EXPECT_NEAR(values.std().item<double>(), 0.02, 4 * 0.02 / n) << key;
    return network;
  };
  expect_normal("unetr", "vit.patch_embedding.position_embeddings");
  expect_normal("swin_unetr", "swinViT.layers4.0.blocks.1.attn.relative_position_bias_table");
  expect_normal("nnformer", "decoder.layers.1.blocks.0.attn.relative_position_bias_table");
  const auto vmamba = expect_normal("vmamba_tiny", "head.weight");
  EXPECT_EQ(vmamba->named_parameters()["head.bias"].abs().max().item<float>(), 0.0F);
}

TEST(NetworkTable, NetworksOfOneSizeRefuseLargerImagesAndMissingSizes) {
  for (const char* name : {"unetr", "nnformer"}) {
    EXPECT_THROW(make_network(name, {1, 2, false}), Error);
    const auto network = make_network(name, {1, 2, false, {40, 64}});
    EXPECT_EQ(network->legal_size({33, 5})[1], 64);
    try {
      network->forward(torch::zeros({1, 1, 65, 64}));
      FAIL() << "must throw";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr("x64, got 65x64"));
    }
  }
}

TEST(NetworkTable, NamesTheClosestNetworkForAnUnknownOne) {
  try {
    make_network("swim_umamba_d", {});
    FAIL() << "must throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_EQ(error.hint(), "did you mean \"swin_umamba_d\"?");
  }
}

}  // namespace
}  // namespace seg
