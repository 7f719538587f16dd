#include "data/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "support/errors.h"
#include "support/goldens.h"

namespace seg {
namespace {

using testing::kPipeline;

using Rows = std::vector<std::vector<std::int64_t>>;

TEST(PlanSlices, EqualsThePlannersTable) {
  SEG_REQUIRE_SHARED(kPipeline);
  const Json rows = read_json(testing::shared_folder() / kPipeline / "training/planner_2d.json");
  ASSERT_EQ(rows.size(), 77u);
  for (const Json& row : rows) {
    const auto labels = get<std::int64_t>(row, "num_labels");
    const auto got =
        plan_slices(get<std::vector<double>>(row, "median_shape"), get<std::vector<double>>(row, "spacing"),
                    get<double>(row, "approximate_n_voxels_dataset"), labels);
    EXPECT_EQ(got.patch_size, get<std::vector<std::int64_t>>(row, "patch_size")) << row;
    EXPECT_EQ(got.batch_size, get<std::int64_t>(row, "batch_size")) << row;
    EXPECT_EQ(got.num_pool_per_axis, get<std::vector<std::int64_t>>(row, "num_pool_per_axis")) << row;
    EXPECT_EQ(got.pool_kernels, get<Rows>(row, "pool_op_kernel_sizes")) << row;
    EXPECT_EQ(got.conv_kernels, get<Rows>(row, "conv_kernel_sizes")) << row;
    EXPECT_EQ(got.convs_per_stage_encoder, get<std::vector<std::int64_t>>(row, "n_conv_per_stage_encoder"))
        << row;
    EXPECT_EQ(feature_map_estimate(got, labels), get<double>(row, "feature_map_estimate")) << row;
  }
}

/// The golden plans with the 2d configuration only, which is all that is planned here.
Json only_2d(Json plans) {
  plans["configurations"] = {{"2d", plans["configurations"]["2d"]}};
  return plans;
}

struct PlanGolden {
  std::string folder, dataset_json;
};

class Plans : public ::testing::TestWithParam<PlanGolden> {
 protected:
  fs::path root() const { return testing::shared_folder() / kPipeline; }
  Json plans() const { return read_json(root() / GetParam().folder / "nnUNetPlans.json"); }
};

TEST_P(Plans, MadeFromTheFingerprintEqualNnUNets) {
  SEG_REQUIRE_SHARED(kPipeline);
  const Json golden = plans();
  const auto info = parse_dataset_info(read_json(root() / GetParam().dataset_json),
                                       get<std::string>(golden, "dataset_name"), "dataset.json");
  const auto file = root() / GetParam().folder / "dataset_fingerprint.json";
  const Plan plan = make_plan(fingerprint_from_json(read_json(file), file.string()), info);
  EXPECT_EQ(to_text(to_json(plan)), to_text(only_2d(golden)));
}

TEST_P(Plans, SurviveReadingAndWriting) {
  SEG_REQUIRE_SHARED(kPipeline);
  Json golden = plans();
  for (const auto& name : {"3d_cascade_fullres", "3d_lowres"}) golden["configurations"].erase(name);
  for (auto& configuration : golden["configurations"]) configuration.erase("next_stage");
  const Plan plan = plan_from_json(golden, "plans");
  EXPECT_EQ(to_text(to_json(plan)), to_text(golden));
}

INSTANTIATE_TEST_SUITE_P(
    Goldens, Plans,
    ::testing::Values(
        PlanGolden{"hippocampus", "hippocampus/dataset.json"},
        PlanGolden{"aniso_A", "aniso_A/raw/dataset.json"}, PlanGolden{"aniso_B", "aniso_B/raw/dataset.json"},
        PlanGolden{"aniso_C", "aniso_C/raw/dataset.json"},
        PlanGolden{"nuclei/inner_only", "nuclei/dataset.json"},
        PlanGolden{"nuclei/challenge_rule", "nuclei/dataset.json"},
        PlanGolden{"training/full_plans/abdomen_ct_like", "training/full_plans/abdomen_ct_like/dataset.json"},
        PlanGolden{"training/full_plans/abdomen_mr_like", "training/full_plans/abdomen_mr_like/dataset.json"},
        PlanGolden{"training/full_plans/brain_isotropic_4ch",
                   "training/full_plans/brain_isotropic_4ch/dataset.json"},
        PlanGolden{"training/full_plans/cells_rgb", "training/full_plans/cells_rgb/dataset.json"},
        PlanGolden{"training/full_plans/endoscopy_rgb", "training/full_plans/endoscopy_rgb/dataset.json"},
        PlanGolden{"training/full_plans/sagittal_lowres",
                   "training/full_plans/sagittal_lowres/dataset.json"}),
    [](const auto& golden) {
      std::string name = golden.param.folder;
      std::replace(name.begin(), name.end(), '/', '_');
      return name;
    });

TEST(PlanJson, CascadesInherit) {
  SEG_REQUIRE_SHARED(kPipeline);
  const auto file =
      testing::shared_folder() / kPipeline / "training/full_plans/abdomen_ct_like/nnUNetPlans.json";
  const Plan plan = plan_from_json(read_json(file), file.string());
  const auto& cascade = plan.configuration("3d_cascade_fullres");
  EXPECT_EQ(cascade.patch_size, plan.configuration("3d_fullres").patch_size);
  EXPECT_EQ(cascade.patch_size.size(), 3u);
}

/// Moves the network of a flat configuration to where nnU-Net 2.2 and later have it.
Json with_architecture(Json configuration) {
  const auto take = [&](const char* key) {
    const Json value = configuration.at(key);
    configuration.erase(key);
    return value;
  };
  const auto stages = configuration["pool_op_kernel_sizes"].size();
  const auto base = take("UNet_base_num_features").get<std::int64_t>();
  const auto most = take("unet_max_num_features").get<std::int64_t>();
  std::vector<std::int64_t> features;
  for (std::size_t i = 0; i < stages; ++i) features.push_back(std::min(base << i, most));
  take("num_pool_per_axis");
  configuration["architecture"] = {
      {"network_class_name",
       "dynamic_network_architectures.architectures.unet." + take("UNet_class_name").get<std::string>()},
      {"arch_kwargs",
       {{"n_stages", stages},
        {"features_per_stage", features},
        {"conv_op", "torch.nn.modules.conv.Conv2d"},
        {"kernel_sizes", take("conv_kernel_sizes")},
        {"strides", take("pool_op_kernel_sizes")},
        {"n_conv_per_stage", take("n_conv_per_stage_encoder")},
        {"n_conv_per_stage_decoder", take("n_conv_per_stage_decoder")}}},
      {"_kw_requires_import", {"conv_op"}}};
  return configuration;
}

TEST_P(Plans, OfNewerNnUNetsReadTheSame) {
  SEG_REQUIRE_SHARED(kPipeline);
  Json flat = only_2d(plans());
  Json newer = flat;
  newer["configurations"]["2d"] = with_architecture(flat["configurations"]["2d"]);
  // Networks of few stages do not reach the flat schema's maximum.
  const auto& features = newer["configurations"]["2d"]["architecture"]["arch_kwargs"]["features_per_stage"];
  flat["configurations"]["2d"]["unet_max_num_features"] = features.back();
  EXPECT_EQ(to_text(to_json(plan_from_json(newer, "new"))), to_text(to_json(plan_from_json(flat, "flat"))));
}

TEST(PlanJson, RefusesFeaturesThatFollowNoRule) {
  SEG_REQUIRE_SHARED(kPipeline);
  Json plans = only_2d(read_json(testing::shared_folder() / kPipeline / "hippocampus/nnUNetPlans.json"));
  auto& configuration = plans["configurations"]["2d"];
  configuration = with_architecture(configuration);
  auto& kwargs = configuration["architecture"]["arch_kwargs"];
  kwargs["norm_op"] = "torch.nn.modules.batchnorm.BatchNorm2d";
  kwargs["nonlin"] = "torch.nn.LeakyReLU";
  kwargs["conv_bias"] = false;
  EXPECT_EQ(plan_from_json(plans, "plans.json").configuration("2d").network_class,
            "PlainConvUNet with BatchNorm2d without bias");
  const auto stages = kwargs["features_per_stage"].size();
  kwargs["features_per_stage"].push_back(512);
  EXPECT_THAT(
      testing::error_of([&] { plan_from_json(plans, "plans.json"); }),
      ::testing::HasSubstr(fmt::format("expected {} numbers, one per stage, got {}", stages, stages + 1)));
  kwargs["features_per_stage"] = {32, 48, 64, 64};
  EXPECT_THAT(testing::error_of([&] { plan_from_json(plans, "plans.json"); }),
              ::testing::HasSubstr("features_per_stage: expected numbers that double up to a maximum"));
}

TEST(PlanJson, SaysWhatIsWrong) {
  SEG_REQUIRE_SHARED(kPipeline);
  const Json good = read_json(testing::shared_folder() / kPipeline / "hippocampus/nnUNetPlans.json");
  const auto with = [&](const char* key, const Json& value) {
    Json broken = good;
    broken["configurations"]["2d"][key] = value;
    return testing::error_of([&] { plan_from_json(broken, "plans.json"); });
  };
  using ::testing::HasSubstr;
  EXPECT_THAT(with("normalization_schemes", {"MyNorm"}),
              HasSubstr("plans.json > configuration 2d > normalization_schemes: expected one of ZScore"));
  EXPECT_THAT(with("patch_size", {40}), HasSubstr("patch_size: expected 2 or 3 sizes, got 1"));
  EXPECT_THAT(with("spacing", {1.0, 0.0}), HasSubstr("spacing: expected values above 0, got 0"));
  EXPECT_THAT(with("use_mask_for_norm", {true, false}), HasSubstr("of 1 channels, got 1 and 2"));
  EXPECT_THAT(with("inherits_from", "gone"), HasSubstr("inherits_from \"gone\""));
  EXPECT_THAT(with("architecture", Json::object()), HasSubstr("key \"network_class_name\" is missing"));
  Json listed = good;
  listed["configurations"] = Json::array({good["configurations"]["2d"]});
  EXPECT_THAT(testing::error_of([&] { plan_from_json(listed, "plans.json"); }),
              HasSubstr("configurations: expected an object, got array"));
  Json broken = good;
  broken["transpose_backward"] = {0, 2, 1};
  EXPECT_THAT(testing::error_of([&] { plan_from_json(broken, "plans.json"); }),
              HasSubstr("transpose_forward"));
  EXPECT_THAT(testing::error_of([&] { plan_from_json(good, "plans.json").configuration("2D"); }),
              HasSubstr("unknown configuration \"2D\""));
}

}  // namespace
}  // namespace seg
