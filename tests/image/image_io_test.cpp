#include "image/image_io.h"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <csignal>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "base/json.h"
#include "base/rng.h"
#include "image/file_checks.h"
#include "support/errors.h"
#include "support/folder.h"
#include "support/goldens.h"
#include "support/image_bytes.h"
#include "support/tolerances.h"

namespace seg {
namespace {

using ::testing::AllOf;
using testing::error_of;
using ::testing::HasSubstr;
using testing::shared_folder;
using testing::TemporaryFolder;
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
  const TemporaryFolder folder;
  const fs::path file = folder / (std::string("labels") + ending);
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

TEST(ImageIo, FloatVolumesAndFlatImagesKeepTheirGeometry) {
  const TemporaryFolder folder;
  Geometry flat = oblique();
  flat.dimension = 2;
  flat.spacing = {999 * 0.75, 0.75, 0.625};
  flat.origin[2] = 0;
  Image image({1, 1, 6, 5});
  for (std::size_t i = 0; i < image.data.size(); ++i) image.data[i] = 0.37F * static_cast<float>(i) - 3;
  for (const std::string ending : {".nii.gz", ".nrrd", ".mha"}) {
    for (const Geometry& geometry : {flat, oblique()}) {
      SCOPED_TRACE(ending + fmt::format(" {}-D", geometry.dimension));
      write_image(folder / ("image" + ending), image, geometry);
      const LoadedImage back = read_image(folder / ("image" + ending));
      EXPECT_EQ(back.voxels, image);
      expect_same_geometry(back.geometry, geometry);
    }
  }
}

TEST(ImageIo, NiftiHeaderSaysMillimetresAndScannerAxes) {
  const TemporaryFolder folder;
  write_labels(folder / "labels.nii", ramp({1, 4, 5, 7}, 3), oblique());
  const std::string bytes = read_text(folder / "labels.nii");
  const auto short_at = [&](std::size_t at) { return static_cast<int>(bytes[at]) + 256 * bytes[at + 1]; };
  EXPECT_EQ(short_at(70), 2);       // uint8
  EXPECT_EQ(bytes[123] & 7, 2);     // millimetres
  EXPECT_EQ(short_at(252), 1);      // qform_code
  EXPECT_EQ(short_at(254), 1);      // sform_code
  float slope = 0, intercept = -1;  // little-endian, as this machine
  std::memcpy(&slope, &bytes[112], sizeof slope);
  std::memcpy(&intercept, &bytes[116], sizeof intercept);
  EXPECT_EQ(slope, 1);
  EXPECT_EQ(intercept, 0);
}

TEST(ImageIo, RgbPngGivesThreeChannelsAndLabelsMustHaveOne) {
  const TemporaryFolder folder;
  const std::vector<std::uint8_t> rgb{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18};
  write_rgb_png(folder / "image.png", 2, 3, rgb);
  const LoadedImage image = read_image(folder / "image.png");
  EXPECT_EQ(image.voxels.shape, (Shape4{3, 1, 2, 3}));
  EXPECT_THAT(image.voxels.data,
              ::testing::ElementsAre(1, 4, 7, 10, 13, 16, 2, 5, 8, 11, 14, 17, 3, 6, 9, 12, 15, 18));
  EXPECT_THAT(image.geometry.spacing, ::testing::ElementsAre(999, 1, 1));
  EXPECT_THAT(error_of([&] { read_labels(folder / "image.png"); }),
              AllOf(HasSubstr("image.png"), HasSubstr("got 3"), HasSubstr("hint")));
}

TEST(ImageIo, BmpsOfLaterHeadersAreReadAsThoseOfTheFirst) {
  const TemporaryFolder folder;
  std::string rows;
  for (int i = 0; i < 3 * 8; ++i) rows += static_cast<char>(i * 9);
  for (const std::uint32_t bits : {8u, 24u, 32u}) {
    const std::uint32_t width = bits == 24 ? 2 : 64 / bits;  // rows of 8 bytes
    write_text(folder / "first.bmp", testing::bmp_bytes(width, 3, bits, 40, rows));
    const Image expected = read_image(folder / "first.bmp").voxels;
    EXPECT_EQ(expected.channels(), bits == 8 ? 1 : 3);
    for (const std::uint32_t header : {108u, 124u}) {
      const std::string bytes = testing::bmp_bytes(width, 3, bits, header, rows);
      write_text(folder / "later.bmp", bytes);
      EXPECT_EQ(read_image(folder / "later.bmp").voxels, expected) << bits << " bits, header of " << header;
      for (std::size_t size = 0; size < bytes.size(); size += 5) {
        write_text(folder / "later.bmp", bytes.substr(0, size));
        EXPECT_THAT(error_of([&] { read_image(folder / "later.bmp"); }), HasSubstr("later.bmp"));
      }
    }
  }
}

TEST(ImageIo, GreyBmpIsOneChannel) {
  const TemporaryFolder folder;
  write_labels(folder / "image.bmp", ramp({1, 1, 5, 7}, 200), {});
  EXPECT_EQ(read_image(folder / "image.bmp").voxels.channels(), 1);
}

TEST(ImageIo, AlphaIsDroppedAndPalettesAreExpandedAndTold) {
  const TemporaryFolder folder;
  struct Kind {
    int colour;
    std::string pixels, palette;
    std::vector<float> expected;  // of 2 x 1 pixels, channel by channel
    std::vector<std::string> remarks;
  };
  const std::vector<Kind> kinds{
      {6, "\x01\x02\x03\x64\x04\x05\x06\x64", "", {1, 4, 2, 5, 3, 6}, {std::string(kAlphaRemark)}},
      {4, "\x07\x64\x08\x64", "", {7, 8}, {std::string(kAlphaRemark)}},
      {3,
       "\x01\x02",
       "\x09\x09\x09\x0A\x0B\x0C\x0D\x0E\x0F",
       {10, 13, 11, 14, 12, 15},
       {std::string(kPaletteRemark)}},
      {2, "\x01\x02\x03\x04\x05\x06", "", {1, 4, 2, 5, 3, 6}, {}},
      {0, "\x10\x11", "", {16, 17}, {}}};
  for (const Kind& kind : kinds) {
    SCOPED_TRACE(kind.colour);
    write_text(folder / "a.png", testing::png_bytes(2, 1, kind.colour, kind.pixels, kind.palette));
    std::vector<std::string> remarks;
    const LoadedImage image = read_image(folder / "a.png", &remarks);
    EXPECT_EQ(image.voxels.data, kind.expected);
    EXPECT_EQ(image.voxels.channels() * 2, std::ssize(kind.expected));
    EXPECT_EQ(remarks, kind.remarks);
  }
  // As labels, a palette's indices count.
  write_text(folder / "a.png", testing::png_bytes(2, 1, 3, "\x01\x02", kinds[2].palette));
  EXPECT_THAT(read_labels(folder / "a.png").voxels.data, ::testing::ElementsAre(1, 2));
}

TEST(ImageIo, TiffOfSeveralPagesIsAVolumeWithItsSpacingBeside) {
  const TemporaryFolder folder;
  Geometry geometry;
  geometry.spacing = {3.5, 0.5, 0.25};
  for (const int highest : {200, 60000}) {
    const Labels labels = ramp({1, 4, 5, 7}, highest);
    write_labels(folder / "case.tif", labels, geometry);
    const LoadedLabels back = read_labels(folder / "case.tif");
    EXPECT_EQ(back.voxels, labels);
    expect_same_geometry(back.geometry, geometry);
  }
  EXPECT_EQ(get<Vec3>(read_json(folder / "case.json"), "spacing"), geometry.spacing);  // nnU-Net's form
  fs::rename(folder / "case.tif", folder / "case_0000.tif");  // an image's spacing has the case's name
  expect_same_geometry(read_image(folder / "case_0000.tif").geometry, geometry);
  fs::remove(folder / "case.json");
  EXPECT_EQ(read_image(folder / "case_0000.tif").geometry.spacing, (Vec3{1, 1, 1}));
  write_text(folder / "case.json", R"({"spacing": [1, 0, 1]})");
  EXPECT_THAT(error_of([&] { read_image(folder / "case_0000.tif"); }),
              AllOf(HasSubstr("case_0000.tif"), HasSubstr("spacing of axis 1")));
}

TEST(ImageIo, BrokenHeadersOfTiffAndNrrdAreExplained) {
  const TemporaryFolder folder;
  const std::string tiff_start("II*\0\x08\0\0\0", 8);
  const auto error = [&](const std::string& name, const std::string& bytes) {
    write_text(folder / name, bytes);
    return error_of([&] { read_image(folder / name); });
  };
  const auto tag = [](int number, int type, int count, int value) {
    return testing::bytes_of_number(number, 2, false) + testing::bytes_of_number(type, 2, false) +
           testing::bytes_of_number(count, 4, false) + testing::bytes_of_number(value, 4, false);
  };
  const auto page = [&](int tags, const std::string& entries, int next) {
    return tiff_start + testing::bytes_of_number(tags, 2, false) + entries +
           testing::bytes_of_number(next, 4, false);
  };
  const std::string size = tag(256, 3, 1, 4) + tag(257, 3, 1, 2) + tag(258, 3, 1, 8);
  EXPECT_THAT(error("a.tif", "II+"), HasSubstr("a.tif > truncated: expected 4 bytes, got 3"));
  EXPECT_THAT(error("a.tif", tiff_start), HasSubstr("truncated: expected 10 bytes, got 8"));
  EXPECT_THAT(error("a.tif", page(60000, size, 0)), HasSubstr("claims 60000 tags"));
  EXPECT_THAT(error("a.tif", page(3, size, 0)), HasSubstr("where its pixels are"));
  EXPECT_THAT(error("a.tif", page(5, size + tag(273, 4, 1, 1000) + tag(279, 4, 1, 8), 0)),
              HasSubstr("expected 1008 bytes, got 74"));
  EXPECT_THAT(error("a.tif", page(5, size + tag(273, 4, 1, 10) + tag(279, 4, 1, 5), 0)),
              HasSubstr("expected 8 bytes of pixels, got 5"));
  EXPECT_THAT(error("a.tif", page(5, size + tag(273, 4, 1, 10) + tag(279, 4, 1, 8), 8)),
              HasSubstr("pages do not end"));
  EXPECT_THAT(error("a.tif", page(5, size + tag(273, 4, 400, 10) + tag(279, 4, 400, 8), 0)),
              HasSubstr("truncated"));

  const std::string good = "NRRD0004\ntype: short\ndimension: 2\nsizes: 3 2\nencoding: raw\n\n";
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good + std::string(12, 'x');
    return error("a.nrrd", text.replace(text.find(from), from.size(), to));
  };
  EXPECT_THAT(error("a.nrrd", good + "xxxxx"),
              HasSubstr("a.nrrd > truncated: expected 12 bytes of voxels, got 5"));
  EXPECT_THAT(with("NRRD", "NRDD"), HasSubstr("is not a NRRD file"));
  EXPECT_THAT(with("short", "block"), HasSubstr("number type block"));
  EXPECT_THAT(with("sizes: 3 2", "sizes: 3"), HasSubstr("2 dimensions, but 1 sizes"));
  EXPECT_THAT(with("sizes: 3 2", "sizes: 3 -2"), HasSubstr("size -2"));
  EXPECT_THAT(with("sizes", "kinds"), HasSubstr("no line sizes"));
  EXPECT_THAT(with("raw", "hex"), HasSubstr("encoding hex"));
  EXPECT_THAT(with("raw", "gzip"), HasSubstr("cannot unpack"));
  EXPECT_THAT(with("raw\n", "raw\ndata file: a.raw\n"), HasSubstr("another file"));
  EXPECT_THAT(with("\n\n", "\n"), HasSubstr("no end"));
}

TEST(ImageIo, NonfiniteVoxelsOfNiftiAreCounted) {
  const TemporaryFolder folder;
  Image image({1, 2, 300, 400}, 1.5F);
  write_image(folder / "a.nii.gz", image, {});
  EXPECT_EQ(count_nonfinite_nifti(folder / "a.nii.gz"), 0u);
  image.data[0] = std::numeric_limits<float>::quiet_NaN();
  image.data[7] = -std::numeric_limits<float>::infinity();
  image.data.back() = std::numeric_limits<float>::infinity();
  for (const char* name : {"a.nii.gz", "a.nii"}) {
    write_image(folder / name, image, {});
    EXPECT_EQ(count_nonfinite_nifti(folder / name), 3u);
  }
  write_labels(folder / "a.nii.gz", Labels({1, 1, 2, 3}, 1), {});
  EXPECT_EQ(count_nonfinite_nifti(folder / "a.nii.gz"), 0u);
}

TEST(ImageIo, LabelsThatAreNotWholeNumbersAreNamedWithTheirPlace) {
  const TemporaryFolder folder;
  Image image({1, 2, 3, 4}, 1);
  image.at(0, 1, 2, 3) = 1.5F;
  write_image(folder / "labels.nii.gz", image, {});
  EXPECT_THAT(error_of([&] { read_labels(folder / "labels.nii.gz"); }),
              AllOf(HasSubstr("labels.nii.gz"), HasSubstr("1.5"), HasSubstr("z 1, y 2, x 3")));
  image.at(0, 1, 2, 3) = std::numeric_limits<float>::quiet_NaN();
  write_image(folder / "labels.nrrd", image, {});  // ITK reads NaN in NIfTI as 0
  EXPECT_THAT(error_of([&] { read_labels(folder / "labels.nrrd"); }), HasSubstr("nan"));
}

TEST(ImageIo, GridsMustAgreeInSizeAndSpacing) {
  const Geometry a = oblique();
  Geometry b = a;
  b.spacing[1] *= 1 + 1e-6;  // float rounding passes
  b.origin[0] += 3;          // only a warning
  EXPECT_NO_THROW(check_same_grid(a, {4, 5, 6}, "image", b, {4, 5, 6}, "label"));
  EXPECT_THAT(error_of([&] {
                check_same_grid(a, {4, 5, 6}, "image", b, {4, 5, 7}, "label");
              }),
              AllOf(HasSubstr("image and label"), HasSubstr("4 x 5 x 6"), HasSubstr("4 x 5 x 7")));
  b.spacing[1] *= 1.001;
  EXPECT_THAT(error_of([&] {
                check_same_grid(a, {4, 5, 6}, "image", b, {4, 5, 6}, "label");
              }),
              AllOf(HasSubstr("image and label"), HasSubstr("spacing")));
}

TEST(ImageIo, ChannelFilesAreStacked) {
  const TemporaryFolder folder;
  write_image(folder / "a_0000.nii.gz", Image({1, 2, 3, 4}, 1), oblique());
  write_image(folder / "a_0001.nii.gz", Image({1, 2, 3, 4}, 2), oblique());
  write_image(folder / "a_0002.nii.gz", Image({1, 2, 3, 5}, 3), oblique());
  const LoadedImage both = read_channels({folder / "a_0000.nii.gz", folder / "a_0001.nii.gz"});
  EXPECT_EQ(both.voxels.shape, (Shape4{2, 2, 3, 4}));
  EXPECT_EQ(both.voxels.at(0, 1, 2, 3), 1);
  EXPECT_EQ(both.voxels.at(1, 0, 0, 0), 2);
  EXPECT_THAT(error_of([&] {
                read_channels({folder / "a_0000.nii.gz", folder / "a_0002.nii.gz"});
              }),
              AllOf(HasSubstr("a_0000"), HasSubstr("a_0002"), HasSubstr("size")));
}

/// A label file of each kind, as bytes; noise, so that packing cannot shrink it to nothing.
std::string bytes_of(const TemporaryFolder& folder, const std::string& ending, bool natural) {
  Labels labels({1, natural ? 1 : 5, 40, 50});
  Rng rng(7);
  for (auto& value : labels.data) value = static_cast<std::int32_t>(rng.below(200));
  const fs::path file = folder / ("whole" + ending);
  write_labels(file, labels, natural ? Geometry{} : oblique());
  return read_text(file);
}

class Damaged : public ::testing::TestWithParam<Written> {};

TEST_P(Damaged, TruncatedAndForeignFilesAreErrorsThatNameTheFile) {
  const TemporaryFolder folder;
  const std::string ending = GetParam().ending;
  const std::string whole = bytes_of(folder, ending, GetParam().natural);
  const fs::path file = folder / ("damaged" + ending);
  write_text(file, whole);
  const Image original = read_image(file).voxels;
  for (const double part : {0.0, 0.001, 0.01, 0.05, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99}) {
    SCOPED_TRACE(part);
    write_text(file, whole.substr(0, static_cast<std::size_t>(part * static_cast<double>(whole.size()))));
    ::testing::internal::CaptureStderr();
    try {
      EXPECT_EQ(read_image(file).voxels, original) << "read something else without an Error";
      EXPECT_GT(part, 0.95) << "only what follows the voxels may be missing";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(file.string()));
    }
    EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  }
  write_text(file, "This is a text, not an image. " + std::string(2000, 'x'));
  EXPECT_THAT(error_of([&] { read_image(file); }), HasSubstr(file.string()));
  EXPECT_THAT(error_of([&] { read_image(folder / ("missing" + ending)); }), HasSubstr("missing"));
}

// Any damage ends in an Error or an image, never in a crash (run with the sanitizers).
TEST_P(Damaged, FlippedBytesDoNotCrash) {
  const TemporaryFolder folder;
  const std::string ending = GetParam().ending;
  const std::string whole = bytes_of(folder, ending, GetParam().natural);
  const fs::path file = folder / ("flipped" + ending);
  Rng rng(11);
  int errors = 0;
  for (int trial = 0; trial < 150; ++trial) {
    std::string bytes = whole;
    for (int flips = 0; flips < 3; ++flips)
      bytes[static_cast<std::size_t>(rng.below(std::min<std::int64_t>(400, std::ssize(bytes))))] =
          static_cast<char>(rng.below(256));
    write_text(file, bytes);
    try {
      const LoadedImage image = read_image(file);
      EXPECT_GT(image.voxels.count(), 0);
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(file.string()));
      ++errors;
    }
  }
  EXPECT_GT(errors, 0);
}
INSTANTIATE_TEST_SUITE_P(Endings, Damaged,
                         ::testing::Values(Written{".nii.gz", 0, false}, Written{".nii", 0, false},
                                           Written{".nrrd", 0, false}, Written{".mha", 0, false},
                                           Written{".png", 0, true}, Written{".tif", 0, true},
                                           Written{".bmp", 0, true}));

TEST(ImageIo, AbsurdSizesAreRefusedBeforeMemoryIsTaken) {
  const TemporaryFolder folder;
  std::string nifti = bytes_of(folder, ".nii", false);
  for (const std::size_t axis : {42, 44, 46}) {
    nifti[axis] = '\xFF';
    nifti[axis + 1] = '\x7F';
  }
  write_text(folder / "huge.nii", nifti);
  EXPECT_THAT(error_of([&] { read_image(folder / "huge.nii"); }),
              AllOf(HasSubstr("huge.nii"), HasSubstr("35181150962015"), HasSubstr("got 10352")));
  write_text(folder / "huge.nrrd",
             "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 90000 90000 90000\nencoding: raw\n\nxyz");
  EXPECT_THAT(error_of([&] { read_image(folder / "huge.nrrd"); }), HasSubstr("huge.nrrd"));
  write_text(folder / "huge.mha",
             "ObjectType = Image\nNDims = 3\nDimSize = 90000 90000 90000\nElementType = MET_UCHAR\n"
             "ElementDataFile = LOCAL\nxyz");
  EXPECT_THAT(error_of([&] { read_image(folder / "huge.mha"); }),
              AllOf(HasSubstr("huge.mha"), HasSubstr("729000000000000"), HasSubstr("got 3")));
}

TEST(ImageIo, SpacingMustBePositiveAndFinite) {
  const TemporaryFolder folder;
  for (const char* spacing : {"1 1 0", "1 1 1e300"}) {
    write_text(folder / "flat.mha",
               std::string("ObjectType = Image\nNDims = 3\nDimSize = 1 1 3\nElementSpacing = ") + spacing +
                   "\nElementType = MET_UCHAR\nElementDataFile = LOCAL\nxyz");
    EXPECT_THAT(error_of([&] { read_image(folder / "flat.mha"); }),
                AllOf(HasSubstr("flat.mha"), HasSubstr("spacing of axis 2")));
  }
}

/// While it lives no file can grow larger, as on a disk without room.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

TEST(ImageIo, NeedsRoomForWhatIsWrittenNotForTheVoxels) {
  const TemporaryFolder folder;
  const Labels plain({1, 4, 512, 512}, 1);
  Labels noise = plain;
  Rng rng(1);
  for (auto& value : noise.data) value = static_cast<std::int32_t>(rng.below(200));
  const FileSizeLimit limit(200000);  // bytes; the voxels take five times as many
  write_labels(folder / "plain.nii.gz", plain, {});
  EXPECT_EQ(read_labels(folder / "plain.nii.gz").voxels, plain);
  EXPECT_THAT(error_of([&] { write_labels(folder / "noise.nii.gz", noise, {}); }), HasSubstr("no room for"));
  EXPECT_THAT(error_of([&] { write_labels(folder / "plain.nii", plain, {}); }), HasSubstr("no room for"));
  EXPECT_EQ(list_files(folder.path()).size(), 1u);
}

TEST(ImageIo, CopiesTheSpacingOfTiffVolumes) {
  const TemporaryFolder folder;
  const Labels labels({1, 2, 3, 4}, 1);
  const Geometry geometry{3, {4, 0.5, 0.25}};
  write_labels(folder / "a.tif", labels, geometry);
  copy_image(folder / "a.tif", folder / "b.tif");
  EXPECT_EQ(read_labels(folder / "b.tif").geometry.spacing, geometry.spacing);
  write_labels(folder / "a.nii.gz", labels, geometry);
  copy_image(folder / "a.nii.gz", folder / "c.nii.gz");
  EXPECT_FALSE(fs::exists(folder / "c.json"));
  EXPECT_EQ(numbers_in_header(folder / "c.nii.gz"), labels.count());
  EXPECT_EQ(numbers_in_header(folder / "none.nii.gz"), 0);
}

TEST(ImageIo, UnknownEndingsListTheKnownOnes) {
  EXPECT_THAT(error_of([] { read_image("scan.dcm"); }), AllOf(HasSubstr("scan.dcm"), HasSubstr(".nii.gz")));
}

TEST(ImageIo, LabelsThatCannotBeStoredAreRefused) {
  const TemporaryFolder folder;
  EXPECT_THAT(error_of([&] {
                write_labels(folder / "a.png", Labels({1, 1, 2, 2}, -1), {});
              }),
              HasSubstr("-1"));
  EXPECT_THAT(error_of([&] {
                write_labels(folder / "a.jpg", Labels({1, 1, 2, 2}, 1), {});
              }),
              HasSubstr("JPEG"));
  EXPECT_THAT(error_of([&] {
                write_labels(folder / "a.png", Labels({1, 3, 2, 2}, 1), {});
              }),
              HasSubstr("3 slices"));
  EXPECT_TRUE(list_files(folder.path()).empty());
}

}  // namespace
}  // namespace seg
