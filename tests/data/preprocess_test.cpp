#include "data/preprocess.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "base/npz.h"
#include "base/threads.h"
#include "support/errors.h"
#include "support/folder.h"
#include "support/goldens.h"
#include "support/tolerances.h"

namespace seg {
namespace {

using testing::kPipeline;

/// A stored case of nnU-Net and the raw files it was made from (relative to the shared folder).
struct PreprocessGolden {
  std::string stored;  ///< without .npz
  std::string configuration, plans, dataset_json;
  std::string image, label, ending;  ///< without _0000; no label for test cases
};

void PrintTo(const PreprocessGolden& golden, std::ostream* out) {
  *out << golden.stored;
}

std::vector<PreprocessGolden> goldens() {
  std::vector<PreprocessGolden> all;
  const std::string pipeline = kPipeline.string();
  for (const std::string set : {"A", "B", "C"}) {
    const std::string folder = pipeline + "/aniso_" + set;
    const auto cases = set == "B" ? std::vector<std::string>{"case_01", "case_02", "case_03", "test_06"}
                                  : std::vector<std::string>{"case_00", "case_03", "case_04", "test_06"};
    for (const auto& id : cases) {
      const bool test = id == "test_06";
      for (const std::string configuration : {"2d", "3d_fullres"}) {
        all.push_back({folder + "/preprocessed/" + id + "__" + configuration, configuration,
                       folder + "/nnUNetPlans.json", folder + "/raw/dataset.json",
                       folder + "/raw/images" + (test ? "Ts/" : "Tr/") + id,
                       test ? "" : folder + "/raw/labelsTr/" + id + ".nii.gz", ".nii.gz"});
      }
    }
  }
  const std::string hippocampus = pipeline + "/hippocampus", raw = "data/Dataset004_Hippocampus";
  for (const std::string id : {"hippocampus_001", "hippocampus_003", "hippocampus_004", "hippocampus_019"}) {
    const bool test = id == "hippocampus_019";
    all.push_back({hippocampus + "/preprocessed_2d/" + id + "__2d", "2d", hippocampus + "/nnUNetPlans.json",
                   hippocampus + "/dataset.json", raw + (test ? "/imagesTs/" : "/imagesTr/") + id,
                   test ? "" : raw + "/labelsTr/" + id + ".nii.gz", ".nii.gz"});
  }
  for (const std::string rule : {"inner_only", "challenge_rule"}) {
    for (const std::string id : {"cell_00ae65c1", "cell_0280fa8f"}) {
      all.push_back({pipeline + "/nuclei/" + rule + "/preprocessed_2d/" + id + "__2d", "2d",
                     pipeline + "/nuclei/" + rule + "/nnUNetPlans.json", pipeline + "/nuclei/dataset.json",
                     "data/nuclei_raw/train/images/" + id,
                     pipeline + "/nuclei/labels_" + rule + "/" + id + ".png", ".png"});
    }
  }
  return all;
}

fs::path shared(const std::string& relative) {
  return testing::shared_folder() / relative;
}

/// What a golden was made from.
struct Inputs {
  DatasetInfo info;
  Plan plan;
  Case files;
};

Inputs inputs_of(const PreprocessGolden& golden) {
  Inputs in{parse_dataset_info(read_json(shared(golden.dataset_json)), "Dataset", golden.dataset_json),
            plan_from_json(read_json(shared(golden.plans)), golden.plans),
            {}};
  in.files.id = fs::path(golden.image).filename();
  if (golden.ending == ".png") {
    in.files.images = {shared(golden.image + ".png")};
  } else {
    for (std::size_t c = 0; c < in.info.channel_names.size(); ++c)
      in.files.images.push_back(shared(golden.image + fmt::format("_{:04}{}", c, golden.ending)));
  }
  if (!golden.label.empty()) in.files.label = shared(golden.label);
  return in;
}

class Preprocess : public ::testing::TestWithParam<PreprocessGolden> {};

TEST_P(Preprocess, EqualsNnUNet) {
  SEG_REQUIRE_SHARED(GetParam().stored + ".npz");
  const auto [info, plan, files] = inputs_of(GetParam());
  const auto made = preprocess_case(files, plan, plan.configuration(GetParam().configuration), info);
  const NpzArrays arrays = read_npz(shared(GetParam().stored + ".npz"));

  const auto& seg = array_of(arrays, "seg");
  ASSERT_EQ(std::vector<std::int64_t>(made.seg.shape.begin(), made.seg.shape.end()), seg.shape());
  const auto values = seg.values<std::int8_t>();
  EXPECT_EQ(made.seg.data, std::vector<std::int32_t>(values.begin(), values.end()));
  if (arrays.contains("data")) {
    const auto& data = array_of(arrays, "data");
    ASSERT_EQ(std::vector<std::int64_t>(made.data.shape.begin(), made.data.shape.end()), data.shape());
    const double difference =
        testing::max_abs_difference(std::span<const float>(made.data.data), data.values<float>());
    RecordProperty("difference", fmt::format("{:.3g}", difference));
    EXPECT_LE(difference, testing::kPreprocessedData);
  }

  const Json json = read_json(shared(GetParam().stored + ".json"));
  EXPECT_EQ(made.properties.spacing, get<Vec3>(json, "spacing"));
  EXPECT_EQ(made.properties.shape_before_cropping, get<Shape3>(json, "shape_before_cropping"));
  EXPECT_EQ(made.properties.shape_after_cropping,
            get<Shape3>(json, "shape_after_cropping_and_before_resampling"));
  EXPECT_EQ(Json(made.properties.bbox), json["bbox_used_for_cropping"]);
  const Json expected = json.value("class_locations", Json::object());
  ASSERT_EQ(made.class_locations.size(), expected.size());
  for (const auto& [name, entry] : expected.items()) {
    const auto& voxels = made.class_locations.at(name);
    ASSERT_EQ(voxels.size(), get<std::size_t>(entry, "count")) << name;
    std::array<std::int64_t, 4> sum{};
    for (const auto& voxel : voxels) {
      for (std::size_t i = 0; i < 4; ++i) sum[i] += voxel[i];
    }
    if (voxels.empty()) continue;
    EXPECT_EQ(Json(sum), entry["sum_over_entries"]) << name;
    const auto shown = static_cast<std::ptrdiff_t>(entry["first"].size());
    EXPECT_EQ(Json(std::vector(voxels.begin(), voxels.begin() + shown)), entry["first"]) << name;
    EXPECT_EQ(Json(std::vector(voxels.end() - shown, voxels.end())), entry["last"]) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Goldens, Preprocess, ::testing::ValuesIn(goldens()), [](const auto& golden) {
  std::string name = golden.param.stored.substr(kPipeline.string().size() + 1);
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
});

TEST(StoredCase, IsReadBackAsWritten) {
  SEG_REQUIRE_SHARED(kPipeline);
  const auto [info, plan, files] = inputs_of(goldens().front());
  const auto made = preprocess_case(files, plan, plan.configuration("2d"), info);
  const testing::TemporaryFolder folder;
  store_case(folder.path(), files.id, made);

  const NpyFile data(folder / (files.id + ".npy")), seg(folder / (files.id + "_seg.npy")),
      locations(folder / (files.id + "_locations.npy"));
  EXPECT_TRUE(std::ranges::equal(data.values<float>(), made.data.data));
  EXPECT_TRUE(std::ranges::equal(seg.values<std::int16_t>(), made.seg.data));
  EXPECT_TRUE(std::ranges::equal(data.shape(), made.data.shape));
  EXPECT_TRUE(std::ranges::equal(seg.shape(), made.seg.shape));

  const Json json = read_json(folder / (files.id + ".json"));
  const auto rows = locations.values<std::int32_t>();
  std::size_t row = 0;
  for (const auto& [name, count] : json["class_locations"].items()) {
    const auto& voxels = made.class_locations.at(name);
    ASSERT_EQ(voxels.size(), count.get<std::size_t>());
    for (const auto& voxel : voxels) {
      ASSERT_TRUE(
          std::equal(voxel.begin() + 1, voxel.end(), rows.begin() + static_cast<std::ptrdiff_t>(3 * row)));
      ++row;
    }
  }
  EXPECT_EQ(rows.size(), 3 * row);
  const CaseProperties read = properties_from_json(json);
  EXPECT_EQ(to_json(read), to_json(made.properties));
  EXPECT_EQ(read.geometry.direction, made.properties.geometry.direction);
  EXPECT_EQ(read.geometry.spacing, made.properties.geometry.spacing);
}

TEST(StoredCase, IsDumpedAsNnUNetStoresIt) {
  SEG_REQUIRE_SHARED(kPipeline);
  const auto golden = goldens().front();
  const auto [info, plan, files] = inputs_of(golden);
  const testing::TemporaryFolder folder;
  auto made = preprocess_case(files, plan, plan.configuration(golden.configuration), info);
  store_case(folder.path(), files.id, made);
  dump_case(folder.path(), files.id, folder / "dump.npz");
  const NpzArrays expected = read_npz(shared(golden.stored + ".npz")), dumped = read_npz(folder / "dump.npz");
  ASSERT_EQ(dumped.size(), expected.size());
  for (const auto& [name, array] : expected) {
    EXPECT_EQ(array_of(dumped, name).header().dtype, array.header().dtype) << name;
    EXPECT_EQ(array_of(dumped, name).shape(), array.shape()) << name;
  }
  EXPECT_TRUE(std::ranges::equal(array_of(dumped, "seg").values<std::int8_t>(),
                                 array_of(expected, "seg").values<std::int8_t>()));
  EXPECT_LE(testing::max_abs_difference(array_of(dumped, "data").values<float>(),
                                        array_of(expected, "data").values<float>()),
            testing::kPreprocessedData);
  made.seg.data[0] = 200;
  store_case(folder.path(), files.id, made);
  dump_case(folder.path(), files.id, folder / "dump.npz");
  const NpzArrays wide = read_npz(folder / "dump.npz");
  EXPECT_EQ(array_of(wide, "seg").values<std::int16_t>()[0], 200);
  EXPECT_THAT(testing::error_of([&] { dump_case(folder.path(), "none", folder / "dump.npz"); }),
              ::testing::HasSubstr("none.npy is missing"));
}

TEST(PreprocessCase, ImageOfZerosIsNotCropped) {
  LoadedImage image;
  image.voxels = Image({1, 3, 4, 5});
  Plan plan;
  plan.intensities.resize(1);
  Configuration configuration;
  configuration.spacing = {1, 1};
  configuration.normalization = {Normalization::zscore};
  configuration.use_mask_for_norm = {true};
  const auto made = preprocess_case(image, {}, plan, configuration, {});
  EXPECT_EQ(made.data, image.voxels);
  EXPECT_EQ(made.seg, Labels({1, 3, 4, 5}, -1));
  EXPECT_TRUE(made.class_locations.empty());
}

TEST(PreprocessCase, SaysWhatIsWrong) {
  LoadedImage image;
  image.voxels = Image({2, 3, 4, 5}, 300.0f);
  Plan plan;
  plan.intensities.resize(1);
  Configuration configuration;
  configuration.spacing = {1, 1};
  configuration.normalization = {Normalization::rgb_to_0_1};
  configuration.use_mask_for_norm = {false};
  EXPECT_THAT(testing::error_of([&] { preprocess_case(image, {}, plan, configuration, {}); }),
              ::testing::HasSubstr("the plans are for 1 channels, the image has 2"));
  image.voxels = Image({1, 3, 4, 5}, 300.0f);
  EXPECT_THAT(testing::error_of([&] { preprocess_case(image, {}, plan, configuration, {}); }),
              ::testing::HasSubstr("values from 0 to 255, got 300"));
}

TEST(PreprocessDataset, DoesNotDependOnThreads) {
  SEG_REQUIRE_SHARED(kPipeline);
  const Dataset dataset = open_dataset(shared("goldens/pipeline/aniso_A/raw"));
  const auto plans = shared("goldens/pipeline/aniso_A/nnUNetPlans.json");
  const Plan plan = plan_from_json(read_json(plans), plans.string());
  const testing::TemporaryFolder folder;
  for (const int threads : {1, 4}) {
    set_thread_count(threads);
    preprocess_dataset(dataset, plan, plan.configuration("2d"), folder / std::to_string(threads));
  }
  set_thread_count(0);
  const auto files = list_files(folder / "1");
  EXPECT_EQ(files.size(), 4 * dataset.training.size());
  for (const auto& file : files)
    EXPECT_EQ(read_text(file), read_text(folder / "4" / file.filename())) << file.filename();
}

TEST(PreprocessDataset, NamesTheCaseAndTheFile) {
  SEG_REQUIRE_SHARED(kPipeline);
  Dataset dataset = open_dataset(shared("goldens/pipeline/aniso_A/raw"));
  const auto plans = shared("goldens/pipeline/aniso_A/nnUNetPlans.json");
  const Plan plan = plan_from_json(read_json(plans), plans.string());
  dataset.training[2].label = dataset.training[3].label;  // another size
  const testing::TemporaryFolder folder;
  EXPECT_THAT(
      testing::error_of([&] { preprocess_dataset(dataset, plan, plan.configuration("2d"), folder.path()); }),
      ::testing::AllOf(::testing::HasSubstr("preprocess case_02"),
                       ::testing::HasSubstr("case_02_0000.nii.gz"), ::testing::HasSubstr("case_03.nii.gz")));
}

}  // namespace
}  // namespace seg
