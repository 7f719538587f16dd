// Every row of the network table against the reference's keys and outputs, and properties any network must
// have.
#include "net/network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "net/formula_weights.h"
#include "support/tolerances.h"

namespace seg {
namespace {

using testing::formula_input;

class EveryNetwork : public ::testing::TestWithParam<std::string> {};

Json golden(const std::string& name) {
  return read_json(testing::shared_folder() / "goldens/networks" / (name + ".json"));
}

NetworkConfig config_of(const Json& json) {
  return {json["in_channels"].get<std::int64_t>(), json["classes"].get<std::int64_t>(), true};
}

TEST_P(EveryNetwork, HasTheReferencesKeysInOrder) {
  SEG_REQUIRE_SHARED("goldens/networks/" + GetParam() + ".json");
  const Json json = golden(GetParam());
  const auto network = make_network(GetParam(), config_of(json));
  const auto tensors = state_dict(*network);
  ASSERT_EQ(tensors.size(), json["entries"].size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    EXPECT_EQ(tensors[i].first, json["entries"][i]["name"].get<std::string>());
    EXPECT_EQ(tensors[i].second.sizes().vec(), json["entries"][i]["shape"].get<std::vector<std::int64_t>>());
  }
}

TEST_P(EveryNetwork, MatchesTheReferencesOutputs) {
  SEG_REQUIRE_SHARED("goldens/networks/" + GetParam() + ".json");
  const torch::NoGradGuard no_grad;
  const Json json = golden(GetParam());
  const auto network = make_network(GetParam(), config_of(json));
  testing::fill_by_formula(*network);
  network->eval();
  const auto outputs = network->forward(formula_input("input", json["input"]["shape"]));
  ASSERT_EQ(outputs.size(), json["outputs"].size());
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Json& expected = json["outputs"][i];
    const auto reference = testing::golden_tensor("networks/" + expected["file"].get<std::string>());
    ASSERT_EQ(outputs[i].sizes(), reference.sizes());
    const double noise = expected["max_abs_diff_to_float64_run"].get<double>();
    EXPECT_LE(testing::max_abs_difference(outputs[i], reference), testing::kNetworkNoiseFactor * noise)
        << "head " << i;
  }
}

TEST_P(EveryNetwork, PadsAnySizeInsideAndCropsBack) {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(1);
  const auto network = make_network(GetParam(), {2, 3, true});
  network->eval();
  for (const auto& [height, width] : {std::pair<std::int64_t, std::int64_t>{1, 1}, {33, 50}}) {
    const auto outputs = network->forward(torch::randn({1, 2, height, width}));
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
  const auto network = make_network(GetParam(), {1, 2, true});
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
  const auto saved = make_network(GetParam(), {1, 2, false});
  torch::manual_seed(4);
  const auto loaded = make_network(GetParam(), {1, 2, false});
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
  const auto network = make_network(GetParam(), {1, 2, false});
  network->train();
  network->forward(torch::randn({2, 1, 64, 64}))[0].square().mean().backward();
  std::size_t without = 0;
  for (const auto& item : network->named_parameters()) {
    if (item.value().grad().defined()) {
      EXPECT_TRUE(torch::isfinite(item.value().grad()).all().item<bool>()) << item.key();
    } else {
      ++without;
    }
  }
  EXPECT_EQ(without, 2 * (network->scales().size() - 1));  // weight and bias of each head
}

TEST_P(EveryNetwork, RefusesWeightsOfAnotherShape) {
  const auto network = make_network(GetParam(), {1, 2, false});
  const auto other = make_network(GetParam(), {3, 5, false});
  try {
    load_state_dict_strictly(*network, state_dict(*other));
    FAIL() << "must throw";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("of another shape"));
    EXPECT_FALSE(error.hint().empty());
  }
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const auto& entry : networks()) all.emplace_back(entry.name);
  return all;
}
INSTANTIATE_TEST_SUITE_P(Networks, EveryNetwork, ::testing::ValuesIn(names()),
                         [](const auto& instance) { return instance.param; });

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
