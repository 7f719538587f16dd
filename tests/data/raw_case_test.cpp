#include "data/raw_case.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <omp.h>

#include <atomic>
#include <chrono>
#include <limits>
#include <thread>

#include "base/threads.h"
#include "support/errors.h"
#include "support/folder.h"

namespace seg {
namespace {

TEST(FindNonzero, BoxesTheVoxelsOfAllChannelsAndFillsHoles) {
  Image image({2, 6, 7, 8});
  for (std::int64_t z = 1; z < 4; ++z) {
    for (std::int64_t y = 2; y < 5; ++y) {
      for (std::int64_t x = 3; x < 6; ++x) image.at(0, z, y, x) = 1;
    }
  }
  image.at(0, 2, 3, 4) = 0;      // enclosed
  image.at(1, 5, 6, 0) = -0.5f;  // a voxel of the other channel
  const auto region = find_nonzero(image);
  EXPECT_EQ(region.box, (Box{{{1, 6}, {2, 7}, {0, 6}}}));
  EXPECT_EQ(std::count(region.mask.begin(), region.mask.end(), 1), 28);
  EXPECT_EQ(region.mask[static_cast<std::size_t>(image.index(0, 2, 3, 4))], 1);
}

TEST(FindNonzero, KeepsAnImageOfZerosWhole) {
  EXPECT_EQ(find_nonzero(Image({1, 2, 3, 4})).box, (Box{{{0, 2}, {0, 3}, {0, 4}}}));
}

TEST(ReadCase, RejectsValuesThatAreNotNumbers) {
  const testing::TemporaryFolder folder;
  const auto file = folder / "case_0000.mha";  // NIfTI readers turn NaN into 0
  Image image({1, 2, 3, 4}, 5.0f);
  image.at(0, 1, 2, 3) = std::numeric_limits<float>::quiet_NaN();
  write_image(file, image, {});
  DatasetInfo info;
  info.channel_names = {"CT"};
  EXPECT_THAT(testing::error_of([&] {
                read_case({"case", {file}, {}}, info);
              }),
              ::testing::AllOf(::testing::HasSubstr("case_0000.mha: expected finite values"),
                               ::testing::HasSubstr("(z 1, y 2, x 3)")));
}

TEST(ForEachCase, VisitsEveryCaseOnceAndNamesTheOneThatFails) {
  const std::vector<Case> cases{{"a", {}, {}}, {"b", {}, {}}, {"c", {}, {}}};
  std::array<std::atomic<int>, 3> visits{};
  for_each_case("test", cases, [&](std::size_t i) { ++visits[i]; });
  for (const auto& count : visits) EXPECT_EQ(count, 1);
  EXPECT_EQ(testing::error_of([&] {
              for_each_case("test", cases, [](std::size_t i) {
                if (i == 1) fail("broken");
              });
            }),
            "test b > broken");
}

/// Noughts take a thousandth of their bytes in a file: what counts is how many there are.
TEST(ForEachCase, TakesOneAtATimeWhereMoreWouldNotFitIntoMemory) {
  const testing::TemporaryFolder folder;
  std::vector<Case> cases;
  // A header that promises more voxels than any machine has memory for, in a file large enough to be
  // believed.
  const std::string header =
      "ObjectType = Image\nNDims = 3\nDimSize = 40000 40000 400\nElementType = MET_UCHAR\n"
      "CompressedData = True\nElementDataFile = LOCAL\n";
  for (const char* id : {"a", "b", "c", "d"}) {
    cases.push_back({id, {folder / (std::string(id) + ".mha")}, {}});
    write_text(cases.back().images[0], header);
    fs::resize_file(cases.back().images[0], 400 << 20);  // a hole: takes no room
  }
  std::atomic<int> running{0}, most{0};
  set_thread_count(4);
  for_each_case("test", cases, [&](std::size_t) {
    most = std::max<int>(most, ++running);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    --running;
  });
  set_thread_count(0);
  EXPECT_EQ(most, 1);
}

TEST(ForEachCase, LeavesTheThreadsToFewCases) {
  set_thread_count(4);
  std::atomic<int> inside{0};
  for_each_case("test", {{"a", {}, {}}, {"b", {}, {}}}, [&](std::size_t) {
    parallel_for(4, [&](std::int64_t) { inside = std::max<int>(inside, omp_get_num_threads()); });
  });
  set_thread_count(0);
  EXPECT_EQ(inside, 4);
}

}  // namespace
}  // namespace seg
