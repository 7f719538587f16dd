#include "data/fingerprint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "base/threads.h"
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

class Fingerprints : public ::testing::TestWithParam<FingerprintGolden> {};

TEST_P(Fingerprints, EqualNnUNets) {
  SEG_REQUIRE_SHARED(GetParam().folder);
  const auto file = shared(GetParam().folder) / "dataset_fingerprint.json";
  const auto expected = fingerprint_from_json(read_json(file), file.string());
  const auto got = compute_fingerprint(GetParam().folder.find("nuclei") != std::string::npos
                                           ? nuclei(GetParam().raw)
                                           : open_dataset(shared(GetParam().raw)));
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

INSTANTIATE_TEST_SUITE_P(
    Goldens, Fingerprints,
    ::testing::Values(
        FingerprintGolden{"hippocampus", "goldens/pipeline/hippocampus", "data/Dataset004_Hippocampus"},
        FingerprintGolden{"aniso_A", "goldens/pipeline/aniso_A", "goldens/pipeline/aniso_A/raw"},
        FingerprintGolden{"aniso_B", "goldens/pipeline/aniso_B", "goldens/pipeline/aniso_B/raw"},
        FingerprintGolden{"aniso_C", "goldens/pipeline/aniso_C", "goldens/pipeline/aniso_C/raw"},
        FingerprintGolden{"nuclei_inner", "goldens/pipeline/nuclei/inner_only",
                          "goldens/pipeline/nuclei/labels_inner_only"},
        FingerprintGolden{"nuclei_challenge", "goldens/pipeline/nuclei/challenge_rule",
                          "goldens/pipeline/nuclei/labels_challenge_rule"}),
    [](const auto& golden) { return golden.param.name; });

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
