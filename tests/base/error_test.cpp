#include "base/error.h"

#include <gtest/gtest.h>

#include "base/suggest.h"

namespace seg {
namespace {

TEST(Error, CarriesItsContextOutermostFirst) {
  try {
    with_context("predict case_012", [] {
      with_context("read case_012_0000.nii.gz", [] { fail("expected {} channels, got {}", 3, 1); });
    });
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "predict case_012 > read case_012_0000.nii.gz > expected 3 channels, got 1");
    EXPECT_EQ(error.kind(), ErrorKind::failure);
    EXPECT_EQ(error.hint(), "");
  }
}

TEST(Error, ContextKeepsHintKindAndResult) {
  try {
    with_context("outer", [] { throw Error("inner", "try this", ErrorKind::usage); });
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "outer > inner");
    EXPECT_EQ(error.hint(), "try this");
    EXPECT_EQ(error.kind(), ErrorKind::usage);
  }
  EXPECT_EQ(with_context("outer", [] { return 7; }), 7);
}

TEST(ClosestWord, FindsSmallMistakesOnly) {
  const std::vector<std::string> known{"plan", "preprocess", "train", "predict"};
  EXPECT_EQ(closest_word("trian", known), "train");
  EXPECT_EQ(closest_word("preproces", known), "preprocess");
  EXPECT_EQ(closest_word("predicts", known), "predict");
  EXPECT_EQ(closest_word("plan", known), "plan");
  EXPECT_EQ(closest_word("evaluate", known), "");
  EXPECT_EQ(closest_word("plan", {}), "");
}

TEST(FailUnknown, ListsWhatIsKnownAndSuggests) {
  try {
    fail_unknown("network", "swin_umanba", {"swin_umamba", "swin_umamba_d"});
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "unknown network \"swin_umanba\"; known: swin_umamba, swin_umamba_d");
    EXPECT_EQ(error.hint(), "did you mean \"swin_umamba\"?");
    EXPECT_EQ(error.kind(), ErrorKind::usage);
  }
  try {
    fail_unknown("network", "vgg", {"swin_umamba"});
  } catch (const Error& error) {
    EXPECT_EQ(error.hint(), "");
  }
}

}  // namespace
}  // namespace seg
