// Weights of earlier trainings into networks that start anew: what is taken, adapted and left out.
#include "train/pretrained.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <regex>

#include "net/formula_weights.h"
#include "net/network.h"
#include "support/errors.h"
#include "support/folder.h"
#include "train/trainers.h"
#include "weights/safetensors.h"

namespace seg {
namespace {

using ::testing::AllOf;
using testing::error_of;
using ::testing::HasSubstr;

constexpr Size2d kPatch{64, 96};

class Pretrained : public ::testing::Test {
 protected:
  /// Bare weights in a file.
  fs::path write(NamedTensors tensors) {
    for (auto& [key, tensor] : tensors) tensor = tensor.detach().contiguous();
    write_safetensors(folder_ / "weights.safetensors", views_of(tensors), {});
    return folder_ / "weights.safetensors";
  }

  testing::TemporaryFolder folder_;
};

using Tensors = std::map<std::string, Tensor>;

Tensors copies(const Network& network) {
  Tensors tensors;
  for (const auto& [key, tensor] : state_dict(network)) tensors[key] = tensor.detach().clone();
  return tensors;
}

std::shared_ptr<Network> make(std::string_view name, std::int64_t channels, std::int64_t classes,
                              std::uint64_t seed) {
  torch::manual_seed(seed);
  NetworkConfig config{channels, classes, true, kPatch};
  config.topology = {{{1, 1}, {2, 2}, {2, 2}}, {{3, 3}, {3, 3}, {3, 3}}, {1, 1, 1}, {1, 1}, 8, 16};
  return make_network(name, config);
}

/// VMamba-Tiny with weights by formula.
const NamedTensors& vmamba() {
  static const NamedTensors kTensors = [] {
    const auto network = make_network("vmamba_tiny", {3, 10, false});
    testing::fill_by_formula(*network);
    return state_dict(*network);
  }();
  return kTensors;
}

/// The names of VMamba's later releases.
NamedTensors renamed(NamedTensors tensors) {
  const std::pair<std::regex, const char*> rules[] = {{std::regex("^patch_embed\\.proj"), "patch_embed.0"},
                                                      {std::regex("^patch_embed\\.norm"), "patch_embed.2"},
                                                      {std::regex("^norm"), "classifier.norm"},
                                                      {std::regex("^head"), "classifier.head"},
                                                      {std::regex("ln_1"), "norm"},
                                                      {std::regex("self_attention"), "op"}};
  for (auto& [key, tensor] : tensors) {
    for (const auto& [from, to] : rules) key = std::regex_replace(key, from, to);
  }
  return tensors;
}

class VmambaInto : public Pretrained, public ::testing::WithParamInterface<std::string_view> {};
INSTANTIATE_TEST_SUITE_P(Networks, VmambaInto,
                         ::testing::Values("swin_umamba", "swin_umamba_d", "swin_umamba_v1"),
                         [](const auto& instance) { return std::string(instance.param); });

TEST_P(VmambaInto, TakesBlocksAndMergingOfEveryRelease) {
  const Tensors given(vmamba().begin(), vmamba().end());
  for (const bool later : {false, true}) {
    const auto network = make(GetParam(), 1, 4, 5);
    const Tensors before = copies(*network);
    const auto report = load_pretrained(*network, write(later ? renamed(vmamba()) : vmamba()));
    const Tensors after = copies(*network);
    EXPECT_TRUE(report.encoder_only);
    std::map<std::string, Taken> outcomes;
    std::size_t file_rows = 0;
    for (const auto& row : report.rows) {
      if (!row.network_key.empty()) outcomes[row.network_key] = row.outcome;
      file_rows += row.file_key.empty() ? 0 : 1;
      EXPECT_EQ(row.reason.empty(), row.outcome == Taken::loaded) << row.file_key;
    }
    EXPECT_EQ(file_rows, vmamba().size());
    ASSERT_EQ(outcomes.size(), after.size());
    const std::regex taken(R"(vssm_encoder\.(layers|downsamples)\..*)");
    for (const auto& [key, tensor] : after) {
      const bool wanted = std::regex_match(key, taken);
      EXPECT_EQ(outcomes.at(key), wanted ? Taken::loaded : Taken::skipped) << key;
      std::string source = key.substr(std::min<std::size_t>(key.size(), 13));
      source = std::regex_replace(source, std::regex(R"(^downsamples\.(\d))"), "layers.$1.downsample");
      EXPECT_TRUE(torch::equal(tensor, wanted ? given.at(source) : before.at(key))) << key;
    }
    EXPECT_THAT(report.table(), HasSubstr(later ? "patch_embed.2.bias\t" : "patch_embed.norm.bias\t"));
    EXPECT_THAT(report.table(), HasSubstr("skipped\thead of the classifier: left out"));
  }
}

/// Every channel's share, written out: a plain reference for the adaptation.
Tensor shared_evenly(const Tensor& weight, std::int64_t channels) {
  Tensor result = torch::empty({weight.size(0), channels, weight.size(2), weight.size(3)});
  const auto from = weight.accessor<float, 4>();
  auto to = result.accessor<float, 4>();
  for (std::int64_t o = 0; o < to.size(0); ++o) {
    for (std::int64_t y = 0; y < to.size(2); ++y) {
      for (std::int64_t x = 0; x < to.size(3); ++x) {
        double sum = 0;
        for (std::int64_t c = 0; c < from.size(1); ++c) sum += from[o][c][y][x];
        for (std::int64_t c = 0; c < channels; ++c)
          to[o][c][y][x] = static_cast<float>(sum / static_cast<double>(channels));
      }
    }
  }
  return result;
}

class SameNetwork : public Pretrained, public ::testing::WithParamInterface<std::string_view> {};

std::vector<std::string_view> trainable() {
  std::vector<std::string_view> names;
  for (const auto& entry : networks()) {
    if (entry.segments) names.push_back(entry.name);
  }
  return names;
}
INSTANTIATE_TEST_SUITE_P(Networks, SameNetwork, ::testing::ValuesIn(trainable()),
                         [](const auto& instance) { return std::string(instance.param); });

TEST_P(SameNetwork, OfAnotherDatasetGivesAllButTheHeads) {
  const auto donor = make(GetParam(), 3, 5, 1), network = make(GetParam(), 1, 4, 2);
  const Tensors given = copies(*donor), before = copies(*network);
  const auto report = load_pretrained(*network, write(first_names(state_dict(*donor))));
  const Tensors after = copies(*network);
  EXPECT_FALSE(report.encoder_only);
  std::size_t heads = 0, first = 0;
  for (const auto& [key, tensor] : first_names(state_dict(*network))) {
    const auto wide = given.at(key).sizes(), narrow = tensor.sizes();
    if (is_head(key)) {
      ++heads;
      EXPECT_TRUE(torch::equal(tensor, before.at(key))) << key;
    } else if (wide == narrow) {
      EXPECT_TRUE(torch::equal(tensor, given.at(key))) << key;
    } else {  // only what depends on channels may differ
      ++first;
      EXPECT_TRUE(torch::allclose(tensor, shared_evenly(given.at(key), 1), 1e-6, 1e-7)) << key;
    }
    // What depends on the number of classes is a head.
    EXPECT_TRUE(is_head(key) || wide[0] == narrow[0]) << key;
  }
  EXPECT_GT(heads, 0u);
  EXPECT_GT(first, 0u);
  EXPECT_EQ(report.count(Taken::adapted), first);
  EXPECT_EQ(report.count(Taken::skipped), heads);
  // Networks with an encoder to freeze are those with a trainer that freezes it.
  EXPECT_EQ(network->pretrained_parameters().empty(), !trainer_for(GetParam(), true).pretrained);
}

TEST_F(Pretrained, ChannelsAreSharedEvenly) {
  for (const auto& [from, to] : {std::pair{1, 3}, {2, 3}, {4, 2}}) {
    const auto donor = make("nnunet", from, 2, 3), network = make("nnunet", to, 2, 4);
    load_pretrained(*network, write(first_names(state_dict(*donor))));
    const std::string key = "encoder.stages.0.0.convs.0.conv.weight";
    EXPECT_TRUE(
        torch::allclose(copies(*network).at(key), shared_evenly(copies(*donor).at(key), to), 1e-6, 1e-7))
        << from << " to " << to;
  }
}

TEST_F(Pretrained, FileOfAnotherNetworkIsAnErrorThatNamesIt) {
  const auto network = make("swin_umamba_d", 1, 2, 7);
  const Tensors before = copies(*network);
  const auto complaint = [&](const NamedTensors& tensors) {
    const fs::path path = write(tensors);
    EXPECT_FALSE(fits_pretrained(*network, path));
    return error_of([&] { load_pretrained(*network, path); });
  };
  NamedTensors other = vmamba();  // one block less, one state as later releases have, and their MLPs
  std::erase_if(other, [](const auto& item) { return item.first.starts_with("layers.2.blocks.8."); });
  for (auto& [key, tensor] : other) {
    if (key.ends_with("A_logs")) tensor = tensor.slice(1, 0, 1);
  }
  other.emplace_back("layers.0.blocks.0.mlp.fc1.weight", torch::zeros({384, 96}));
  EXPECT_THAT(
      complaint(other),
      AllOf(HasSubstr("does not fit the VMamba-Tiny encoder: "),
            HasSubstr("13 missing: vssm_encoder.layers.2.blocks.8."),
            HasSubstr("1 unexpected: layers.0.blocks.0.mlp.fc1.weight"),
            HasSubstr("14 of another shape: vssm_encoder.layers.0.blocks.0.self_attention.A_logs: expected "
                      "[768, 16], got [768, 1]"),
            HasSubstr("it fits no network")));
  for (const auto& [key, tensor] : copies(*network)) EXPECT_TRUE(torch::equal(tensor, before.at(key))) << key;

  const auto unet = make("nnunet", 1, 2, 8);
  EXPECT_THAT(error_of([&] { load_pretrained(*unet, write(vmamba())); }),
              AllOf(HasSubstr("does not fit this network: 0 tensors fit"),
                    HasSubstr("it fits vmamba_tiny (channels: 3, classes: 10)")));
}

}  // namespace
}  // namespace seg
