// Pictures to classify: folders of classes, and patches cut out of a labelled dataset.
#include "data/image_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/json.h"
#include "base/log.h"
#include "data/image_folder.h"
#include "data/labelled_patches.h"
#include "image/image_io.h"
#include "support/errors.h"
#include "support/folder.h"

namespace seg {
namespace {

using testing::error_of;
using ::testing::HasSubstr;

void write_grey(const fs::path& path, std::int32_t value, std::int64_t height = 6, std::int64_t width = 5) {
  make_folder(path.parent_path());
  write_labels(path, Labels({1, 1, height, width}, value), {.dimension = 2});
}

/// Pictures "0.png", "1.png", ... whose grey value is their number.
void write_class(const fs::path& folder, int count) {
  for (int i = 0; i < count; ++i) write_grey(folder / (std::to_string(i) + ".png"), i);
}

std::multiset<std::pair<std::int64_t, float>> contents(const ImageSource& source) {
  std::multiset<std::pair<std::int64_t, float>> pictures;
  for (std::int64_t i = 0; i < source.count(); ++i)
    pictures.emplace(source.class_of(i), source.read(i).data[0]);
  return pictures;
}

class ImageFolder : public ::testing::Test {
 protected:
  void SetUp() override { set_quiet(true); }
  ImageSets open(double share = 0.25) const { return open_image_folder(folder_.path(), {}, share); }
  testing::TemporaryFolder folder_;
};

TEST(HeldOut, IsAShareAndNeverNoneOrAll) {
  for (const std::int64_t count : {2, 3, 10, 100}) {
    for (const double share : {0.001, 0.1, 0.5, 0.9}) {
      const auto held = held_out(count, share, 3);
      const auto expected =
          std::clamp<std::int64_t>(std::llround(share * static_cast<double>(count)), 1, count - 1);
      EXPECT_EQ(std::ranges::count(held, true), expected);
      EXPECT_EQ(held, held_out(count, share, 3));
    }
  }
  EXPECT_NE(held_out(100, 0.5, 3), held_out(100, 0.5, 4));
  EXPECT_EQ(held_out(1, 0.5, 0), std::vector<bool>{false});
}

TEST_F(ImageFolder, HoldsOutAShareOfEveryClass) {
  write_class(folder_ / "b", 8);
  write_class(folder_ / "a" / "deep", 4);
  write_text(folder_ / "a" / "notes.txt", "no picture");
  write_text(folder_ / "a" / ".hidden.png", "no picture");
  make_folder(folder_ / ".thumbnails");
  const ImageSets sets = open();
  EXPECT_EQ(sets.classes, (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE(sets.centred);
  const auto train = contents(*sets.train), val = contents(*sets.val);
  EXPECT_EQ(train.size(), 9u);
  EXPECT_EQ(val.size(), 3u);
  auto all = train;
  all.insert(val.begin(), val.end());
  std::multiset<std::pair<std::int64_t, float>> expected;
  for (int i = 0; i < 4; ++i) expected.emplace(0, i);
  for (int i = 0; i < 8; ++i) expected.emplace(1, i);
  EXPECT_EQ(all, expected);
  EXPECT_EQ(contents(*open().val), val);
}

TEST_F(ImageFolder, UsesTrainAndValWhereThereAreBoth) {
  for (const char* name : {"a", "b", "c"}) write_class(folder_ / "train" / name, 3);
  write_class(folder_ / "val" / "c", 2);
  const ImageSets sets = open();
  EXPECT_EQ(sets.train->count(), 9);
  EXPECT_EQ(contents(*sets.val), (std::multiset<std::pair<std::int64_t, float>>{{2, 0}, {2, 1}}));
  const ImageSets other = open_image_folder(folder_ / "train", folder_ / "val", 0.25);
  EXPECT_EQ(other.train->count(), 9);
  EXPECT_EQ(other.val->count(), 2);
  write_class(folder_ / "val" / "cc", 2);
  EXPECT_THAT(error_of([&] { open(); }), HasSubstr("unknown class \"cc\""));
}

TEST_F(ImageFolder, GivesThreeChannelsOfEightBits) {
  write_class(folder_ / "a", 2);
  Image colour({3, 1, 2, 2});
  for (std::size_t i = 0; i < colour.data.size(); ++i) colour.data[i] = static_cast<float>(20 * i);
  make_folder(folder_ / "b");
  write_rgb_png(folder_ / "b" / "0.png", colour);
  Labels deep({1, 1, 1, 3});
  deep.data = {100, 5000, 60100};  // 16 bits
  write_labels(folder_ / "b" / "1.PNG.png", deep, {.dimension = 2});
  const ImageSets sets = open();
  for (const auto& source : {sets.train, sets.val}) {
    for (std::int64_t i = 0; i < source->count(); ++i) {
      const Image image = source->read(i);
      ASSERT_EQ(image.channels(), 3);
      if (image.shape[3] == 2) {
        EXPECT_EQ(image, colour);
      }
      if (image.shape[3] == 3) {
        EXPECT_THAT(image.channel(2),
                    ::testing::ElementsAre(0, ::testing::FloatNear(255 * 4900 / 60000.0f, 1e-4f), 255));
      }
      if (image.shape[3] == 5) {
        EXPECT_TRUE(std::ranges::equal(image.channel(0), image.channel(2)));
      }
    }
  }
}

TEST_F(ImageFolder, NamesWhatIsWrong) {
  EXPECT_THAT(error_of([&] { open(); }), HasSubstr("two classes at least, got 0 folders"));
  EXPECT_THAT(error_of([&] { open_image_folder(folder_ / "none", {}, 0.1); }), HasSubstr("does not exist"));
  write_class(folder_ / "a", 2);
  EXPECT_THAT(error_of([&] { open(); }), HasSubstr("two classes at least, got 1 folder\n"));
  make_folder(folder_ / "b");
  EXPECT_THAT(error_of([&] { open(); }), HasSubstr("b holds no picture"));
  write_text(folder_ / "b" / "broken.png", "\x89PNG\r\n\x1a\n and no more");
  EXPECT_THAT(error_of([&] { open(); }), HasSubstr("broken.png"));
  fs::remove_all(folder_.path() / "a");
  fs::remove_all(folder_.path() / "b");
  write_class(folder_ / "a", 1);
  write_class(folder_ / "b", 1);
  EXPECT_THAT(error_of([&] { open(); }), HasSubstr("no picture can be held out"));
}

/// Cases whose voxels are 100 times their label: 0 to 2, and 3 which is to be ignored.
class LabelledPatches : public ::testing::Test {
 protected:
  void SetUp() override {
    set_quiet(true);
    write_json({{"background", 0}, {"organ", 1}, {"both", {1, 2}}, {"ignore", 3}}, 4);
    for (int i = 0; i < 4; ++i) {
      Image image({1, 3, 20, 16});
      Labels labels({1, 3, 20, 16}, 0);
      for (std::int64_t z = 0; z < 3; ++z) {
        for (std::int64_t y = 0; y < 20; ++y) {
          for (std::int64_t x = 0; x < 16; ++x) {
            labels.at(0, z, y, x) = x < 3 ? (y < 10 ? 2 : 1) : (x == 15 ? 3 : 0);
            image.at(0, z, y, x) = 100.0f * static_cast<float>(labels.at(0, z, y, x) % 3);
          }
        }
      }
      const std::string id = "case_" + std::to_string(i);
      make_folder(folder_ / "imagesTr");
      make_folder(folder_ / "labelsTr");
      write_image(folder_ / "imagesTr" / (id + "_0000.nii.gz"), image, {});
      write_labels(folder_ / "labelsTr" / (id + ".nii.gz"), labels, {});
    }
  }
  void write_json(const Json& labels, int cases) {
    Json json{{"channel_names", {{"0", "MRI"}}},
              {"labels", labels},
              {"numTraining", cases},
              {"file_ending", ".nii.gz"},
              {"regions_class_order", {1, 2}}};
    if (!labels.contains("both")) json.erase("regions_class_order");
    write_text(folder_ / "dataset.json", to_text(json));
  }
  testing::TemporaryFolder folder_;
};

TEST_F(LabelledPatches, HaveTheClassOfTheirCentre) {
  const LabelledPatchConfig config{.size = 8, .per_case = 60, .val_share = 0.25, .seed = 4};
  const ImageSets sets = cut_labelled_patches(folder_.path(), config);
  EXPECT_EQ(sets.classes, (std::vector<std::string>{"background", "organ", "label 2"}));
  EXPECT_TRUE(sets.centred);
  EXPECT_EQ(sets.train->count(), 3 * 60);
  EXPECT_EQ(sets.val->count(), 60);
  std::array<int, 3> drawn{};
  for (std::int64_t i = 0; i < sets.train->count(); ++i) {
    const Image patch = sets.train->read(i);
    ASSERT_EQ(patch.shape, (Shape4{3, 1, 8, 8}));
    const auto label = sets.train->class_of(i);
    ++drawn[static_cast<std::size_t>(label)];
    for (std::int64_t c = 0; c < 3; ++c)  // 127.5 is rounded either way
      EXPECT_NEAR(patch.at(c, 0, 4, 4), 127.5 * static_cast<double>(label), 0.5);
    if (label > 0) {
      EXPECT_EQ(patch.at(0, 0, 4, 0), 0);  // left of the image
    }
  }
  for (const int count : drawn) EXPECT_NEAR(count, 60, 25);  // four standard errors: 4 * sqrt(180 * 2 / 9)
  const ImageSets again = cut_labelled_patches(folder_.path(), config);
  for (const std::int64_t i : {0, 77, 179}) EXPECT_EQ(again.train->read(i), sets.train->read(i));
}

TEST_F(LabelledPatches, NeedEveryLabelAndTwoCases) {
  write_json({{"background", 0}, {"a", 1}, {"b", 2}, {"c", 3}, {"d", 4}}, 4);
  EXPECT_THAT(error_of([&] { cut_labelled_patches(folder_.path(), {.size = 8}); }),
              HasSubstr("label 4 (d) is in none of the cases"));
  for (int i = 1; i < 4; ++i) {
    fs::remove(folder_ / "imagesTr" / ("case_" + std::to_string(i) + "_0000.nii.gz"));
    fs::remove(folder_ / "labelsTr" / ("case_" + std::to_string(i) + ".nii.gz"));
  }
  write_json({{"background", 0}, {"a", 1}, {"b", 2}, {"c", 3}}, 1);
  EXPECT_THAT(error_of([&] { cut_labelled_patches(folder_.path(), {.size = 8}); }),
              HasSubstr("two training cases"));
}

}  // namespace
}  // namespace seg
