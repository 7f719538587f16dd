#include "image/image_io.h"

#include <gmock/gmock.h>

#include <fstream>

#include "base/error.h"
#include "base/json.h"
#include "support/goldens.h"
#include "support/tolerances.h"

namespace seg {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::shared_folder;
using ::testing::ThrowsMessage;

void expect_geometry(const Geometry& geometry, const Json& expected) {
  const auto spacing = get<std::vector<double>>(expected, "spacing");  // x, y, z
  const auto origin = get<std::vector<double>>(expected, "origin");
  const auto direction = get<std::vector<double>>(expected, "direction");
  ASSERT_EQ(geometry.dimension, 3);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(geometry.spacing[2 - i], spacing[i], testing::kGeometry);
    EXPECT_NEAR(geometry.origin[i], origin[i], testing::kGeometry);
  }
  for (std::size_t i = 0; i < 9; ++i) EXPECT_NEAR(geometry.direction[i], direction[i], testing::kGeometry);
}

void expect_size(const Shape3& size, const Json& expected) {
  const auto sizes = get<std::vector<std::int64_t>>(expected, "size");  // x, y, z
  EXPECT_THAT(size, ::testing::ElementsAre(sizes[2], sizes[1], sizes[0]));
}

TEST(ImageIo, ReadsEveryOrientationAsItkDoes) {
  SEG_REQUIRE_SHARED("goldens/pipeline/nifti_orientation");
  const fs::path folder = shared_folder() / "goldens/pipeline/nifti_orientation";
  const Json expected = read_json(folder / "expected_itk_5.2.1.json");
  ASSERT_EQ(expected.size(), 9u);
  for (const auto& [name, geometry] : expected.items()) {
    SCOPED_TRACE(name);
    const fs::path file = folder / (name + ".nii.gz");
    if (geometry.contains("error")) {
      EXPECT_THAT([&] { read_image(file); },
                  ThrowsMessage<Error>(AllOf(HasSubstr(file.string()), HasSubstr(geometry["error"]))));
      continue;
    }
    const LoadedImage image = read_image(file);
    expect_size(image.voxels.space(), geometry);
    expect_geometry(image.geometry, geometry);
  }
}

class Aniso : public ::testing::TestWithParam<const char*> {};

TEST_P(Aniso, GeometryAndVoxelSums) {
  const fs::path folder = shared_folder() / "goldens/pipeline" / GetParam();
  SEG_REQUIRE_SHARED(fs::path("goldens/pipeline") / GetParam());
  std::istringstream lines(read_text(folder / "itk_geometry.jsonl"));
  int files = 0;
  for (std::string line; std::getline(lines, line); ++files) {
    const Json expected = parse_json(line, "itk_geometry.jsonl");
    SCOPED_TRACE(expected["file"].get<std::string>());
    const LoadedImage image = read_image(folder / "raw" / expected["file"].get<std::string>());
    expect_size(image.voxels.space(), expected);
    expect_geometry(image.geometry, expected);
    double sum = 0, weighted = 0;  // the weights notice a wrong order
    for (std::size_t i = 0; i < image.voxels.data.size(); ++i) {
      sum += image.voxels.data[i];
      weighted += image.voxels.data[i] * static_cast<double>(i % 1009);
    }
    const auto sums = {std::pair{sum, get<double>(expected, "sum")},
                       std::pair{weighted, get<double>(expected, "wsum")}};
    for (const auto& [got, want] : sums) EXPECT_NEAR(got, want, testing::kVoxelSum * std::abs(want));
  }
  EXPECT_GT(files, 10);
}
INSTANTIATE_TEST_SUITE_P(All, Aniso, ::testing::Values("aniso_A", "aniso_B", "aniso_C"));

Geometry oblique() {
  Geometry geometry;
  geometry.spacing = {5.5, 0.75, 0.625};
  geometry.origin = {-12.5, 30.25, 7};
  geometry.direction = {0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, 1};
  return geometry;
}

Labels ramp(const Shape4& shape, int highest) {
  Labels labels(shape);
  for (std::size_t i = 0; i < labels.data.size(); ++i) labels.data[i] = static_cast<int>(i) % (highest + 1);
  labels.data.back() = highest;
  return labels;
}

void expect_same_geometry(const Geometry& a, const Geometry& b) {
  EXPECT_EQ(a.dimension, b.dimension);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(a.spacing[i], b.spacing[i], testing::kGeometry);
    EXPECT_NEAR(a.origin[i], b.origin[i], testing::kGeometry);
  }
  for (std::size_t i = 0; i < 9; ++i) EXPECT_NEAR(a.direction[i], b.direction[i], testing::kGeometry);
}

struct Written {
  const char* ending;
  int highest;
  bool natural;
};
class RoundTrip : public ::testing::TestWithParam<Written> {};

TEST_P(RoundTrip, KeepsLabelsAndGeometry) {
  const auto [ending, highest, natural] = GetParam();
  const fs::path file = fs::path(::testing::TempDir()) / fmt::format("round_trip_{}{}", highest, ending);
  const Labels labels = ramp({1, natural ? 1 : 4, 5, 7}, highest);
  write_labels(file, labels, oblique());
  const LoadedLabels back = read_labels(file);
  EXPECT_EQ(back.voxels, labels);
  Geometry flat;
  flat.dimension = 2;
  flat.spacing = {999, 1, 1};
  expect_same_geometry(back.geometry, natural ? flat : oblique());
}
INSTANTIATE_TEST_SUITE_P(Endings, RoundTrip,
                         ::testing::Values(Written{".nii.gz", 3, false}, Written{".nii.gz", 254, false},
                                           Written{".nii.gz", 255, false}, Written{".nii", 300, false},
                                           Written{".nrrd", 7, false}, Written{".mha", 60000, false},
                                           Written{".png", 2, true}, Written{".png", 700, true},
                                           Written{".tif", 254, true}, Written{".tiff", 65535, true},
                                           Written{".bmp", 9, true}));

}  // namespace
}  // namespace seg
