#include "data/splits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/json.h"
#include "support/errors.h"
#include "support/folder.h"
#include "support/goldens.h"

namespace seg {
namespace {

constexpr const char* kHippocampus = "goldens/pipeline/hippocampus";

std::vector<std::string> ids_of(const Json& splits) {
  auto ids = get<std::vector<std::string>>(splits[0], "train");
  const auto rest = get<std::vector<std::string>>(splits[0], "val");
  ids.insert(ids.end(), rest.begin(), rest.end());
  return ids;
}

TEST(Splits, EqualNnUNetsFolds) {
  SEG_REQUIRE_SHARED(kHippocampus);
  const Json golden = read_json(testing::shared_folder() / kHippocampus / "splits_final.json");
  const auto splits = make_splits(ids_of(golden));
  ASSERT_EQ(splits.size(), golden.size());
  for (std::size_t fold = 0; fold < splits.size(); ++fold) {
    EXPECT_EQ(splits[fold].train, get<std::vector<std::string>>(golden[fold], "train"));
    EXPECT_EQ(splits[fold].val, get<std::vector<std::string>>(golden[fold], "val"));
  }
}

TEST(Splits, FileIsWrittenOnceAndRead) {
  SEG_REQUIRE_SHARED(kHippocampus);
  const auto source = testing::shared_folder() / kHippocampus;
  const Json golden = read_json(source / "splits_final.json");
  const testing::TemporaryFolder folder;
  const auto file = folder.path() / "splits_final.json";
  const Split third = split_for_fold(file, ids_of(golden), "3");
  EXPECT_EQ(third.val, get<std::vector<std::string>>(golden[3], "val"));
  EXPECT_EQ(read_json(file), golden);

  const Json seventh = read_json(source / "split_fold7_fallback.json");
  const Split fallback = split_for_fold(file, ids_of(golden), "7");
  EXPECT_EQ(fallback.train, get<std::vector<std::string>>(seventh, "train"));
  EXPECT_EQ(fallback.val, get<std::vector<std::string>>(seventh, "val"));
}

TEST(Splits, EveryCaseIsHeldOutOnce) {
  std::vector<std::string> ids;
  for (int i = 0; i < 13; ++i) ids.push_back(fmt::format("case_{:02}", i));
  std::vector<std::string> held_out;
  for (const Split& split : make_splits(ids)) {
    EXPECT_EQ(split.train.size() + split.val.size(), ids.size());
    held_out.insert(held_out.end(), split.val.begin(), split.val.end());
  }
  std::sort(held_out.begin(), held_out.end());
  EXPECT_EQ(held_out, ids);
}

TEST(Splits, FoldAllTrainsAndValidatesOnEverything) {
  const testing::TemporaryFolder folder;
  const auto file = folder.path() / "splits_final.json";
  const Split all = split_for_fold(file, {"b", "a"}, "all");
  EXPECT_EQ(all.train, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(all.val, all.train);
  EXPECT_FALSE(fs::exists(file));
}

TEST(Splits, SaysWhatIsWrong) {
  const testing::TemporaryFolder folder;
  const auto file = folder.path() / "splits_final.json";
  EXPECT_THAT(testing::error_of([&] {
                split_for_fold(file, {"a", "b"}, "0");
              }),
              ::testing::HasSubstr("need at least 5 cases, got 2"));
  EXPECT_THAT(testing::error_of([&] {
                split_for_fold(file, {"a", "b"}, "first");
              }),
              ::testing::HasSubstr("unknown fold \"first\""));
  write_text(file, R"([{"train": ["a", "gone"], "val": ["b"]}])");
  EXPECT_THAT(testing::error_of([&] {
                split_for_fold(file, {"a", "b"}, "0");
              }),
              ::testing::AllOf(::testing::HasSubstr("splits_final.json > fold 0"),
                               ::testing::HasSubstr("case \"gone\" is not in the dataset")));
  write_text(file, R"([{"train": ["a"]}])");
  EXPECT_THAT(testing::error_of([&] {
                split_for_fold(file, {"a", "b"}, "0");
              }),
              ::testing::HasSubstr("\"val\" is missing"));
}

}  // namespace
}  // namespace seg
