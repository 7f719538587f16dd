#include "image/dicom.h"

#include <gmock/gmock.h>

#include <cstdlib>

#include "base/rng.h"
#include "support/errors.h"
#include "support/folder.h"
#include "support/image_bytes.h"
#include "support/tolerances.h"

namespace seg {
namespace {

using ::testing::AllOf;
using testing::dicom_bytes;
using testing::DicomSlice;
using testing::error_of;
using ::testing::HasSubstr;

/// Five slices of 3 x 4 pixels, 2.5 mm apart, stored in an order that is not theirs in space.
class Series : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int z = 0; z < 5; ++z) write(fmt::format("IM{}", (z * 3) % 5), slice(z));
    write_text(folder_ / "notes.txt", "not an image");
  }
  static DicomSlice slice(int z) {
    DicomSlice made;
    made.position = {-10, 20, 7 + 2.5 * z};
    made.rows = 3;
    made.columns = 4;
    for (int i = 0; i < 12; ++i) made.pixels.push_back(static_cast<std::int16_t>(100 * z + i - 50));
    return made;
  }
  void write(const std::string& name, const DicomSlice& slice) {
    write_text(folder_ / name, dicom_bytes(slice));
  }

  testing::TemporaryFolder folder_;
};

TEST_F(Series, IsStackedByPosition) {
  ASSERT_TRUE(is_dicom_folder(folder_.path()));
  const LoadedImage volume = read_image(folder_.path());
  ASSERT_EQ(volume.voxels.shape, (Shape4{1, 5, 3, 4}));
  for (int z = 0; z < 5; ++z)
    for (int i = 0; i < 12; ++i) EXPECT_EQ(volume.voxels.at(0, z, i / 4, i % 4), 100 * z + i - 50);
  EXPECT_EQ(volume.geometry.dimension, 3);
  const Vec3 spacing{2.5, 0.75, 0.5}, origin{-10, 20, 7};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(volume.geometry.spacing[i], spacing[i], testing::kGeometry);
    EXPECT_NEAR(volume.geometry.origin[i], origin[i], testing::kGeometry);
  }
  EXPECT_EQ(volume.geometry.direction, Geometry{}.direction);
}

TEST_F(Series, PackedPixelsAreRead) {
  const LoadedImage plain = read_image(folder_.path());
  for (int z = 0; z < 5; ++z) {
    DicomSlice packed = slice(z);
    packed.packed = true;
    write(fmt::format("IM{}", (z * 3) % 5), packed);
  }
  EXPECT_EQ(read_image(folder_.path()).voxels, plain.voxels);
}

/// JPEG Lossless, JPEG-LS and run lengths as GDCM's own program packs them.
TEST_F(Series, PixelsPackedByGdcmAreRead) {
  if (std::system("command -v gdcmconv > /dev/null") != 0)
    GTEST_SKIP() << "needs gdcmconv (Debian: libgdcm-tools)";
  const LoadedImage plain = read_image(folder_.path());
  for (const char* kind : {"--jpeg", "--jpegls", "--rle"}) {
    const testing::TemporaryFolder packed;
    for (int i = 0; i < 5; ++i) {
      const std::string name = fmt::format("IM{}", i);
      const std::string command =
          fmt::format("gdcmconv {} '{}' '{}'", kind, (folder_ / name).string(), (packed / name).string());
      ASSERT_EQ(std::system(command.c_str()), 0) << command;
    }
    EXPECT_EQ(read_image(packed.path()).voxels, plain.voxels) << kind;
  }
}

TEST_F(Series, ValuesAreRescaledAndAxesFollowTheNormal) {
  for (int z = 0; z < 5; ++z) {
    DicomSlice turned = slice(z);
    turned.slope = "2";
    turned.intercept = "-1024";
    turned.orientation = R"(0\1\0\0\0\-1)";  // sagittal: the normal points to -x
    turned.position = {-2.5 * z, 20, 7};
    write(fmt::format("IM{}", (z * 3) % 5), turned);
  }
  const LoadedImage volume = read_image(folder_.path());
  EXPECT_EQ(volume.voxels.at(0, 3, 2, 1), 2 * (300 + 9 - 50) - 1024);
  EXPECT_EQ(volume.geometry.direction, (std::array<double, 9>{0, 0, -1, 1, 0, 0, 0, -1, 0}));
}

TEST_F(Series, WhatDoesNotFitIsNamed) {
  const auto error = [&] { return error_of([&] { read_image(folder_.path()); }); };
  fs::rename(folder_ / "IM3", folder_ / "away");
  write_text(folder_ / "away", "");
  EXPECT_THAT(error(), AllOf(HasSubstr("5 mm apart"), HasSubstr("a slice is missing")));
  DicomSlice other = slice(1);
  other.series = "1.2.4";
  write("IM3", other);
  EXPECT_THAT(error(), AllOf(HasSubstr("2 DICOM series"), HasSubstr("a folder of their own")));
  other = slice(1);
  other.spacing = R"(0.75\0.75)";
  write("IM3", other);
  EXPECT_THAT(error(), AllOf(HasSubstr("IM3"), HasSubstr("differ in spacing")));
  write("IM3", slice(2));
  EXPECT_THAT(error(), HasSubstr("apart"));
  fs::create_directory(folder_ / "empty");
  EXPECT_FALSE(is_dicom_folder(folder_ / "empty"));
  EXPECT_THAT(error_of([&] { read_image(folder_ / "empty"); }), HasSubstr("no DICOM file"));
}

// Any damage ends in an Error or an image, never in a crash (run with the sanitizers).
TEST_F(Series, DamagedFilesDoNotCrash) {
  const std::string whole = dicom_bytes(slice(1));
  for (std::size_t size = 132; size < whole.size(); size += 7) {
    write_text(folder_ / "IM3", whole.substr(0, size));
    EXPECT_THAT(error_of([&] { read_image(folder_.path()); }), HasSubstr(folder_.path().string())) << size;
  }
  Rng rng(5);
  for (int trial = 0; trial < 200; ++trial) {
    std::string bytes = whole;
    for (int flips = 0; flips < 3; ++flips)
      bytes[static_cast<std::size_t>(132 + rng.below(std::ssize(bytes) - 132))] =
          static_cast<char>(rng.below(256));
    write_text(folder_ / "IM3", bytes);
    try {
      EXPECT_EQ(read_image(folder_.path()).voxels.count(), 60);
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(folder_.path().string()));
    }
  }
}

}  // namespace
}  // namespace seg
