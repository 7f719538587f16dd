// Batches of the loader: the same for any number of threads, with the right shapes and contents.
#include "data/loader.h"

#include <algorithm>
#include <chrono>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/rng.h"
#include "support/errors.h"
#include "support/folder.h"
#include "support/stored_case.h"

namespace seg {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;

DatasetInfo three_classes() {
  DatasetInfo info;
  info.labels = {{"background", {0}}, {"a", {1}}, {"b", {2}}, {"c", {3}}};
  return info;
}

/// Three cases of two channels, 30x40 with a border of -1, whose labels fill a few rows each.
class LoaderTest : public ::testing::Test {
 protected:
  LoaderTest() {
    for (int n = 0; n < 3; ++n) {
      Image data(Shape4{2, 3, 30, 40});
      Rng rng(7, static_cast<std::uint64_t>(n));
      for (float& value : data.data) value = static_cast<float>(rng.uniform(1, 2));
      Labels seg(Shape4{1, 3, 30, 40}, 0);
      for (std::int64_t x = 0; x < 40; ++x) {
        seg.at(0, n, 0, x) = -1;
        for (std::int64_t y = 10; y < 16; ++y) seg.at(0, n, y, x) = 1 + static_cast<int>(y - 10) / 2;
      }
      ids_.push_back("case_" + std::to_string(n));
      testing::store(folder_.path(), ids_.back(), data, seg, info_);
    }
    configuration_.normalization = {Normalization::zscore, Normalization::none};
    configuration_.use_mask_for_norm = {true, false};
    config_.batch_size = 4;
    config_.patch_size = {16, 24};
    config_.scales = {{1, 1}, {0.5, 0.5}, {0.125, 0.125}};
    config_.seed = 5;
  }

  Loader loader() const { return Loader(folder_.path(), ids_, info_, configuration_, config_); }

  testing::TemporaryFolder folder_;
  std::vector<std::string> ids_;
  DatasetInfo info_ = three_classes();
  Configuration configuration_;
  LoaderConfig config_;
};

void expect_equal(const Batch& a, const Batch& b) {
  EXPECT_EQ(a.data, b.data);
  EXPECT_EQ(a.targets, b.targets);
}

TEST_F(LoaderTest, BatchesDoNotDependOnThreads) {
  std::vector<Batch> expected;
  for (Loader single = loader(); expected.size() < 12;) expected.push_back(single.next());
  EXPECT_NE(expected[0].data, expected[1].data);
  for (const int threads : {2, 4}) {
    for (const int queue : {1, 5}) {
      config_.threads = threads;
      config_.queue_length = queue;
      Loader several = loader();
      for (const Batch& batch : expected) expect_equal(several.next(), batch);
    }
  }
}

TEST_F(LoaderTest, SeekContinuesTheSequence) {
  config_.threads = 2;
  Loader first = loader();
  std::vector<Batch> batches;
  for (int i = 0; i < 5; ++i) batches.push_back(first.next());
  Loader second = loader();
  second.seek(3);
  expect_equal(second.next(), batches[3]);
  expect_equal(second.next(), batches[4]);
  second.seek(0);
  expect_equal(second.next(), batches[0]);
}

TEST_F(LoaderTest, ShapesFollowPatchScalesAndChannels) {
  const Batch batch = loader().next();
  EXPECT_EQ(batch.size, 4);
  EXPECT_EQ(batch.channels, 2);
  EXPECT_EQ(batch.data.size(), 4u * 2 * 16 * 24);
  EXPECT_EQ(batch.target_channels, 1);
  using Size = std::array<std::int64_t, 2>;
  EXPECT_EQ(batch.target_sizes, (std::vector<Size>{{16, 24}, {8, 12}, {2, 3}}));
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(batch.targets[i].size(),
              static_cast<std::size_t>(4 * batch.target_sizes[i][0] * batch.target_sizes[i][1]));
  }
}

TEST_F(LoaderTest, ValidationPatchesAreUnchangedVoxels) {
  config_.augment = false;
  Loader validation = loader();
  for (int i = 0; i < 10; ++i) {
    const Batch batch = validation.next();
    for (const float value : batch.data) EXPECT_TRUE(value == 0.0f || (value >= 1.0f && value < 2.0f));
    for (const auto label : batch.targets[0]) EXPECT_TRUE(label >= 0 && label <= 3);
  }
}

TEST_F(LoaderTest, LastThirdOfEveryBatchShowsForeground) {
  config_.augment = false;
  config_.patch_size = {4, 4};
  config_.scales = {{1, 1}};
  Loader validation = loader();
  int free_with_foreground = 0;
  for (int i = 0; i < 40; ++i) {
    const Batch batch = validation.next();
    const auto sample = [&](int j) {
      return std::span(batch.targets[0]).subspan(static_cast<std::size_t>(j * 16), 16);
    };
    EXPECT_TRUE(std::ranges::any_of(sample(3), [](auto label) { return label > 0; })) << "batch " << i;
    for (int j = 0; j < 3; ++j) {
      free_with_foreground += std::ranges::any_of(sample(j), [](auto label) { return label > 0; });
    }
  }
  EXPECT_LT(free_with_foreground, 60) << "most free patches of this data show background only";
}

TEST_F(LoaderTest, RegionsGiveOneBinaryChannelEach) {
  config_.augment = false;
  config_.foreground_share = 0;  // a free patch of the image's size is the image
  info_.labels = {{"background", {0}}, {"all", {1, 2, 3}}, {"inner", {2, 3}}};
  info_.regions_class_order = {1, 2};
  const Labels seg(Shape4{1, 1, 16, 24}, 3);
  testing::store(folder_.path(), "case_0", testing::numbered_image(2, seg.shape), seg, info_);
  ids_ = {"case_0"};
  const Batch batch = loader().next();
  EXPECT_EQ(batch.target_channels, 2);
  ASSERT_EQ(batch.targets[1].size(), 4u * 2 * 8 * 12);
  EXPECT_THAT(batch.targets[0], Each(1)) << "label 3 is in both regions";
}

TEST_F(LoaderTest, AugmentedPatchesAreZeroWhereTheMaskIs) {
  const Labels outside(Shape4{1, 1, 60, 60}, -1);
  testing::store(folder_.path(), "case_0", testing::numbered_image(2, outside.shape), outside, info_);
  ids_ = {"case_0"};
  config_.patch_size = {16, 16};
  // Rotation and scaling leave label 0 outside the crop, so only the middle of a patch is sure to be masked.
  Loader training = loader();
  for (int i = 0; i < 10; ++i) {
    const Batch batch = training.next();
    for (std::size_t j = 0; j < 4; ++j) {
      for (std::size_t y = 6; y < 10; ++y) {
        const auto masked = std::span(batch.data).subspan((j * 2 * 16 + y) * 16 + 6, 4);
        const auto other = std::span(batch.data).subspan(((j * 2 + 1) * 16 + y) * 16 + 6, 4);
        EXPECT_THAT(std::vector<float>(masked.begin(), masked.end()), Each(0.0f));
        EXPECT_THAT(std::vector<float>(other.begin(), other.end()), Each(::testing::Ne(0.0f)));
      }
    }
  }
}

TEST_F(LoaderTest, ErrorsOfThreadsReachNext) {
  config_.threads = 2;
  Loader training = loader();
  training.next();
  for (const auto& id : ids_) fs::remove(folder_ / (id + "_seg.npy"));
  const std::string message = testing::error_of([&] {
    for (int i = 0; i < 20; ++i) training.next();
  });
  EXPECT_THAT(message, HasSubstr("_seg.npy"));
  EXPECT_THROW(training.next(), Error) << "and stay";
}

TEST_F(LoaderTest, MissingFilesAreFoundAtOnce) {
  fs::remove(folder_ / "case_1.npy");
  EXPECT_THAT(testing::error_of([&] { loader(); }), HasSubstr("case_1.npy"));
  ids_.clear();
  EXPECT_THAT(testing::error_of([&] { loader(); }), HasSubstr("no cases"));
}

TEST_F(LoaderTest, ChannelsMustFitTheConfiguration) {
  configuration_.normalization.pop_back();
  EXPECT_THAT(testing::error_of([&] { loader(); }), HasSubstr("expected 1 channels, got 2"));
}

TEST_F(LoaderTest, EndsWhileThreadsWork) {
  config_.threads = 4;
  for (int i = 0; i < 20; ++i) loader();  // never asked for a batch
}

}  // namespace
}  // namespace seg
