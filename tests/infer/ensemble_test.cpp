#include "infer/ensemble.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "image/image_io.h"
#include "infer/prediction_files.h"
#include "support/errors.h"
#include "support/folder.h"
#include "support/golden_arrays.h"

namespace seg {
namespace {

using testing::error_of;
using testing::kPipeline;
using testing::shared_folder;

const fs::path kPostprocessing = kPipeline / "postprocessing";

struct EnsembleCase {
  const char* name;
  const char* dataset_json;
};

class EnsembleGolden : public ::testing::TestWithParam<EnsembleCase> {};

TEST_P(EnsembleGolden, EqualsTheReference) {
  const auto& [name, dataset_json] = GetParam();
  SEG_REQUIRE_SHARED(kPostprocessing);
  const fs::path golden = shared_folder() / kPostprocessing / name;
  const DatasetInfo info = read_dataset_info(shared_folder() / kPipeline / dataset_json);
  const LoadedLabels expected = read_labels(golden / "ensemble.nii.gz");
  const testing::TemporaryFolder folder;
  for (const char* member : {"member_0", "member_1"}) {
    make_folder(folder / member);
    fs::copy_file(golden / (std::string(member) + ".npz"), folder / member / "case.npz");
    write_labels(folder / member / "case.nii.gz", expected.voxels, expected.geometry);  // gives the grid
    write_text(folder / member / "case.pkl", "its properties");
    write_text(folder / member / "dataset.json", "{}");
  }
  const Json manifest = read_json(golden / "manifest.json");
  for (const bool as_nnunet : {true, false}) {
    ensemble_folders({folder / "member_0", folder / "member_1"}, folder / "out", info, {true, as_nnunet});
    EXPECT_EQ(testing::golden_image(kPostprocessing / name / "ensemble.npz", "probabilities"),
              read_probabilities(folder / "out" / "case.npz"));
    std::vector<std::string> files;
    for (const auto& file : list_files(folder / "out")) files.push_back(file.filename().string());
    EXPECT_EQ(files, get<std::vector<std::string>>(manifest, "files"));
    const LoadedLabels got = read_labels(folder / "out" / "case.nii.gz");
    EXPECT_EQ(got.geometry.spacing, expected.geometry.spacing);
    std::vector<std::int64_t> counts(4);
    for (const auto value : got.voxels.data) ++counts.at(static_cast<std::size_t>(value));
    const bool intended = info.has_regions() && !as_nnunet;
    const char* key = intended ? "intended_label_counts_if_threshold_0.5" : "label_counts";
    EXPECT_EQ(counts, get<std::vector<std::int64_t>>(manifest, key));
    EXPECT_EQ(got.voxels == expected.voxels, !intended);
  }
}

INSTANTIATE_TEST_SUITE_P(Goldens, EnsembleGolden,
                         ::testing::Values(EnsembleCase{"ensemble_labels", "hippocampus/dataset.json"},
                                           EnsembleCase{"ensemble_regions", "aniso_C/raw/dataset.json"}),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(Ensemble, NamesWhatDoesNotFitTogether) {
  const testing::TemporaryFolder folder;
  DatasetInfo info;
  info.file_ending = ".nii.gz";
  info.labels = {{"background", {0}}, {"a", {1}}};
  make_folder(folder / "a");
  make_folder(folder / "b");
  const auto run = [&] {
    return error_of([&] { ensemble_folders({folder / "a", folder / "b"}, folder / "out", info, {}); });
  };
  EXPECT_THAT(run(), ::testing::HasSubstr("no probabilities"));
  write_probabilities(folder / "a" / "x.npz", Image({2, 1, 2, 2}));
  write_labels(folder / "a" / "x.nii.gz", Labels({1, 1, 2, 2}), {});
  EXPECT_THAT(run(), ::testing::HasSubstr("b/x.npz is missing"));
  write_probabilities(folder / "b" / "x.npz", Image({2, 1, 2, 3}));
  EXPECT_THAT(run(), ::testing::HasSubstr("differ in size"));
  write_probabilities(folder / "b" / "x.npz", Image({2, 1, 2, 2}));
  write_probabilities(folder / "b" / "y.npz", Image({2, 1, 2, 2}));
  EXPECT_THAT(run(), ::testing::HasSubstr("more cases"));
  fs::remove(folder / "b" / "y.npz");
  info.labels.push_back({"b", {2}});
  EXPECT_THAT(run(), ::testing::HasSubstr("expected probabilities [3, 1, 2, 2]"));
}

TEST(PredictionFiles, AreReplacedByNameAndCheckedByArray) {
  EXPECT_EQ(with_ending("out/a.b.nii.gz", ".nii.gz", ".npz"), fs::path("out/a.b.npz"));
  const testing::TemporaryFolder folder;
  write_text(folder / "x.npz", "PK");
  EXPECT_THAT(error_of([&] { read_probabilities(folder / "x.npz"); }), ::testing::HasSubstr("x.npz"));
}

}  // namespace
}  // namespace seg
