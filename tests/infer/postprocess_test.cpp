#include "infer/postprocess.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "image/image_io.h"
#include "support/errors.h"
#include "support/folder.h"
#include "support/goldens.h"

namespace seg {
namespace {

using testing::error_of;
using testing::shared_folder;

using Parts = std::vector<std::vector<int>>;

const fs::path kLargestComponent = testing::kPipeline / "postprocessing/largest_component";

Labels row_of(std::vector<std::int32_t> values) {
  Labels labels({1, 1, 1, static_cast<std::int64_t>(values.size())});
  labels.data = std::move(values);
  return labels;
}

std::vector<std::int64_t> counts_of(const Labels& labels, std::size_t values) {
  std::vector<std::int64_t> counts(values);
  for (const auto value : labels.data) ++counts.at(static_cast<std::size_t>(value));
  return counts;
}

TEST(KeepLargest, EqualsTheReference) {
  SEG_REQUIRE_SHARED(kLargestComponent);
  const fs::path folder = shared_folder() / kLargestComponent;
  const Json manifest = read_json(folder / "manifest.json");
  const std::vector<KeepLargest> settings{KeepLargest(Parts{{1}, {2}}), KeepLargest(Parts{{1}}, true),
                                          KeepLargest(Parts{{2}}, true), KeepLargest(Parts{{1, 2}})};
  const std::array<const char*, 4> names{"fg_1_2", "label1", "label2", "region_1_2"};
  ASSERT_EQ(manifest.size(), 2 * settings.size());
  for (std::size_t i = 0; i < manifest.size(); ++i) {
    const auto id = get<int>(manifest[i], "case");
    const std::string stem = fmt::format("case_{}_", id), name = names[i % 4];
    Labels labels = read_labels(folder / (stem + "input.nii.gz")).voxels;
    EXPECT_EQ(counts_of(labels, 3), get<std::vector<std::int64_t>>(manifest[i], "counts_before"));
    apply(settings[i % 4], labels);
    EXPECT_EQ(labels, read_labels(folder / (stem + name + ".nii.gz")).voxels) << stem << name;
    EXPECT_EQ(counts_of(labels, 3), get<std::vector<std::int64_t>>(manifest[i], "counts_after"));
  }
}

TEST(KeepLargest, KeepsAllOfEquallyLargePiecesAndOtherLabels) {
  Labels labels = row_of({1, 1, 0, 1, 2, 0, 1, 0, 3});
  apply(KeepLargest(Parts{{1}, {2}}), labels);
  EXPECT_EQ(labels, row_of({1, 1, 0, 1, 2, 0, 0, 0, 3}));
  apply(KeepLargest(Parts{{1}}, true), labels);
  EXPECT_EQ(labels, row_of({1, 1, 0, 0, 2, 0, 0, 0, 3}));
}

TEST(KeepLargest, JoinsVoxelsThatTouchAtACorner) {
  Labels labels({1, 2, 2, 4});
  labels.at(0, 0, 0, 0) = labels.at(0, 1, 1, 1) = labels.at(0, 0, 0, 3) = 1;
  apply(KeepLargest(Parts{{1}}, true), labels);
  EXPECT_EQ(labels.at(0, 1, 1, 1), 1);
  EXPECT_EQ(labels.at(0, 0, 0, 3), 0);
}

TEST(Postprocessing, IsReadAsItWasWritten) {
  const testing::TemporaryFolder folder;
  const std::vector<KeepLargest> steps{KeepLargest(Parts{{1, 2, 3}, {2, 3}, {3}}),
                                       KeepLargest(Parts{{2, 3}}, true), KeepLargest(Parts{{3}}, true)};
  const Json json = to_json(steps);
  EXPECT_EQ(
      json["postprocessing_kwargs"].dump(),
      R"([{"labels_or_regions":[[1,2,3],[2,3],3]},{"labels_or_regions":[2,3]},{"labels_or_regions":3}])");
  write_json(folder / "postprocessing.json", json);
  const auto read = read_postprocessing(folder / "postprocessing.pkl");  // the twin of nnU-Net's pickle
  ASSERT_EQ(read.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(read[i].values, steps[i].values);
}

TEST(Postprocessing, NamesWhatItDoesNotKnow) {
  const testing::TemporaryFolder folder;
  const auto error = [&](const char* text) {
    write_text(folder / "p.json", text);
    return error_of([&] { read_postprocessing(folder / "p.json"); });
  };
  EXPECT_THAT(error(R"({"postprocessing_fns": []})"), ::testing::HasSubstr("postprocessing_kwargs"));
  EXPECT_THAT(error(R"({"postprocessing_fns": ["fill"], "postprocessing_kwargs": [{}]})"),
              ::testing::HasSubstr("\"fill\""));
  EXPECT_THAT(error(R"({"postprocessing_fns": ["fill"], "postprocessing_kwargs": []})"),
              ::testing::HasSubstr("two lists"));
  EXPECT_THAT(error(R"({"postprocessing_fns": ["remove_all_but_largest_component_from_segmentation"],
                        "postprocessing_kwargs": [{"labels_or_regions": ["a"]}]})"),
              ::testing::HasSubstr("expected a label"));
}

}  // namespace
}  // namespace seg
