#include "data/fingerprint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "base/json.h"
#include "data/raw_case.h"
#include "support/errors.h"
#include "support/goldens.h"
#include "support/tolerances.h"

namespace seg {
namespace {

struct FingerprintGolden {
  std::string name;
  std::string folder;  ///< of the stored fingerprint
  std::string raw;     ///< dataset root; for nuclei the folder of label files
};

void PrintTo(const FingerprintGolden& golden, std::ostream* out) {
  *out << golden.name;
}

fs::path shared(const std::string& relative) {
  return testing::shared_folder() / relative;
}

/// The nuclei lie beside each other, not in nnU-Net's layout.
Dataset nuclei(const std::string& labels) {
  const auto json = shared("goldens/pipeline/nuclei/dataset.json");
  Dataset dataset{
      json.parent_path(), parse_dataset_info(read_json(json), "Dataset703_NeurIPSCell", json.string()), {}};
  for (const auto& label : list_files(shared(labels), ".png")) {
    const auto image = shared("data/nuclei_raw/train/images") / label.filename();
    dataset.training.push_back({label.stem().string(), {image}, label});
  }
  return dataset;
}

Dataset dataset_of(const FingerprintGolden& golden) {
  return golden.folder.find("nuclei") != std::string::npos ? nuclei(golden.raw)
                                                           : open_dataset(shared(golden.raw));
}

class Fingerprints : public ::testing::TestWithParam<FingerprintGolden> {};
class ExactFingerprints : public Fingerprints {};

TEST_P(Fingerprints, EqualNnUNets) {
  SEG_REQUIRE_SHARED(GetParam().folder);
  const auto file = shared(GetParam().folder) / "dataset_fingerprint.json";
  const auto expected = fingerprint_from_json(read_json(file), file.string());
  const auto got = compute_fingerprint(dataset_of(GetParam()));
  EXPECT_EQ(got.shapes_after_crop, expected.shapes_after_crop);
  ASSERT_EQ(got.spacings.size(), expected.spacings.size());
  for (std::size_t i = 0; i < got.spacings.size(); ++i) {
    for (int axis = 0; axis < 3; ++axis)
      EXPECT_NEAR(got.spacings[i][axis], expected.spacings[i][axis], testing::kFingerprintGeometry);
  }
  EXPECT_NEAR(got.median_relative_size_after_cropping, expected.median_relative_size_after_cropping,
              testing::kFingerprintGeometry);
  ASSERT_EQ(got.intensities.size(), expected.intensities.size());
  for (std::size_t c = 0; c < got.intensities.size(); ++c) {
    const auto& a = got.intensities[c];
    const auto& b = expected.intensities[c];
    EXPECT_NEAR(a.mean, b.mean, testing::kFingerprintMoments * b.std);
    EXPECT_NEAR(a.std, b.std, testing::kFingerprintMoments * b.std);
    // The draws are the reference's own, so order statistics are equal, not only close.
    EXPECT_EQ(a.min, b.min);
    EXPECT_EQ(a.max, b.max);
    EXPECT_EQ(a.median, b.median);
    EXPECT_EQ(a.percentile_00_5, b.percentile_00_5);
    EXPECT_EQ(a.percentile_99_5, b.percentile_99_5);
  }
}

/// Every foreground value of a channel inside the nonzero region, sorted: what the draws are taken from.
std::vector<float> foreground_values(const Dataset& dataset, std::int64_t channel) {
  std::vector<float> values;
  for (const Case& files : dataset.training) {
    const RawCase raw = read_case(files, dataset.info);
    const Box box = find_nonzero(raw.image.voxels).box;
    for (std::int64_t z = box[0][0]; z < box[0][1]; ++z)
      for (std::int64_t y = box[1][0]; y < box[1][1]; ++y)
        for (std::int64_t x = box[2][0]; x < box[2][1]; ++x)
          if (raw.labels->voxels.at(0, z, y, x) > 0) values.push_back(raw.image.voxels.at(channel, z, y, x));
  }
  std::sort(values.begin(), values.end());
  return values;
}

// The statistics of all voxels, which the reference's draws only estimate.
TEST_P(ExactFingerprints, AreCloseToTheExactStatistics) {
  const std::string exact_file = GetParam().folder + "/fingerprint_exact_limit.json";
  SEG_REQUIRE_SHARED(exact_file);
  const Json exact = read_json(shared(exact_file));
  const Dataset dataset = dataset_of(GetParam());
  const auto got = compute_fingerprint(dataset);
  ASSERT_EQ(got.intensities.size(), exact.size());
  for (std::size_t c = 0; c < got.intensities.size(); ++c) {
    const Json& expected = exact[std::to_string(c)];
    const auto& a = got.intensities[c];
    const auto std_deviation = get<double>(expected, "std");
    EXPECT_NEAR(a.mean, get<double>(expected, "mean"), testing::kFingerprintSampling * std_deviation);
    EXPECT_NEAR(a.std, std_deviation, testing::kFingerprintSampling * std_deviation);
    const auto values = foreground_values(dataset, static_cast<std::int64_t>(c));
    EXPECT_EQ(values.size(), get<std::size_t>(expected, "n_fg_voxels"));
    EXPECT_EQ(values.front(), get<float>(expected, "min"));
    EXPECT_EQ(values.back(), get<float>(expected, "max"));
    const std::array quantiles{std::pair{"median", a.median}, std::pair{"percentile_00_5", a.percentile_00_5},
                               std::pair{"percentile_99_5", a.percentile_99_5}};
    for (const auto& [name, value] : quantiles) {  // equal, or the next sample value
      const auto want = get<float>(expected, name);
      const auto above = std::upper_bound(values.begin(), values.end(), want);
      const auto below = std::lower_bound(values.begin(), values.end(), want);
      EXPECT_LE(value, above == values.end() ? values.back() : *above) << name;
      EXPECT_GE(value, below == values.begin() ? values.front() : *std::prev(below)) << name;
    }
  }
}

/// The last one has no exact statistics.
const std::vector<FingerprintGolden> kFingerprints{
    FingerprintGolden{"hippocampus", "goldens/pipeline/hippocampus", "data/Dataset004_Hippocampus"},
    FingerprintGolden{"aniso_A", "goldens/pipeline/aniso_A", "goldens/pipeline/aniso_A/raw"},
    FingerprintGolden{"aniso_B", "goldens/pipeline/aniso_B", "goldens/pipeline/aniso_B/raw"},
    FingerprintGolden{"aniso_C", "goldens/pipeline/aniso_C", "goldens/pipeline/aniso_C/raw"},
    FingerprintGolden{"nuclei_inner", "goldens/pipeline/nuclei/inner_only",
                      "goldens/pipeline/nuclei/labels_inner_only"},
    FingerprintGolden{"nuclei_challenge", "goldens/pipeline/nuclei/challenge_rule",
                      "goldens/pipeline/nuclei/labels_challenge_rule"}};
const auto kName = [](const auto& golden) { return golden.param.name; };
INSTANTIATE_TEST_SUITE_P(Goldens, Fingerprints, ::testing::ValuesIn(kFingerprints), kName);
INSTANTIATE_TEST_SUITE_P(Goldens, ExactFingerprints,
                         ::testing::ValuesIn(kFingerprints.begin(), kFingerprints.end() - 1), kName);

TEST(FingerprintJson, SurvivesReadingAndWriting) {
  SEG_REQUIRE_SHARED("goldens/pipeline/aniso_B");
  const auto file = shared("goldens/pipeline/aniso_B/dataset_fingerprint.json");
  EXPECT_EQ(to_text(to_json(fingerprint_from_json(read_json(file), file.string()))),
            to_text(read_json(file)));
  EXPECT_THAT(testing::error_of([&] { fingerprint_from_json(Json::object(), "fingerprint.json"); }),
              ::testing::HasSubstr("fingerprint.json > key \"foreground_intensity"));
}

TEST(Fingerprint, NamesWhatIsWrong) {
  SEG_REQUIRE_SHARED("goldens/pipeline/aniso_A");
  Dataset dataset = open_dataset(shared("goldens/pipeline/aniso_A/raw"));
  dataset.training.resize(1);
  dataset.training[0].images.pop_back();
  EXPECT_THAT(testing::error_of([&] { compute_fingerprint(dataset); }),
              ::testing::AllOf(::testing::HasSubstr("fingerprint case_00"),
                               ::testing::HasSubstr("expected 2 channels, got 1")));
  dataset.training.clear();
  EXPECT_THAT(testing::error_of([&] { compute_fingerprint(dataset); }),
              ::testing::HasSubstr("no training case"));
}

}  // namespace
}  // namespace seg
