#include "base/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/log.h"

namespace seg {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::internal::CaptureStderr;
using ::testing::internal::CaptureStdout;
using ::testing::internal::GetCapturedStderr;
using ::testing::internal::GetCapturedStdout;

TEST(FormatDuration, MinutesAndHours) {
  EXPECT_EQ(format_duration(0), "0:00");
  EXPECT_EQ(format_duration(-3), "0:00");
  EXPECT_EQ(format_duration(59.4), "0:59");
  EXPECT_EQ(format_duration(59.6), "1:00");
  EXPECT_EQ(format_duration(245), "4:05");
  EXPECT_EQ(format_duration(3723), "1:02:03");
  EXPECT_EQ(format_duration(360000), "100:00:00");
}

/// What a body writes to stderr; nothing may go to stdout.
template <class Body>
std::string stderr_of(Body&& body) {
  CaptureStdout();
  CaptureStderr();
  body();
  EXPECT_EQ(GetCapturedStdout(), "");
  return GetCapturedStderr();
}

TEST(Progress, EndsWithOnePlainLineWhereThereIsNoTerminal) {
  const std::string text = stderr_of([] {
    Progress progress("preprocess", 4, "case");
    for (int i = 0; i < 4; ++i) progress.advance();
    progress.set_suffix("loss 0.25");
  });
  EXPECT_THAT(text,
              ContainsRegex("^preprocess: 4/4 \\(100 %\\)  [0-9.]+ case/s  0:00 elapsed  loss 0.25\n$"));
}

TEST(Progress, SaysHowFarItCameWhenWorkIsCutShort) {
  EXPECT_THAT(stderr_of([] {
                Progress progress("train", 10);
                progress.advance(3);
              }),
              HasSubstr("train: 3/10 (30 %)"));
  EXPECT_THAT(stderr_of([] { Progress progress("nothing", 0); }), HasSubstr("nothing: 0/0"));
}

TEST(Log, GoesToStderrAndQuietKeepsWarnings) {
  const auto speak = [] {
    note("{} cases", 3);
    warn("odd spacing {}", 0.5);
    Progress progress("work", 1);
  };
  const std::string loud = stderr_of(speak);
  EXPECT_THAT(loud, HasSubstr("3 cases\n"));
  EXPECT_THAT(loud, HasSubstr("warning: odd spacing 0.5\n"));
  EXPECT_THAT(loud, HasSubstr("work: 0/1"));
  set_quiet(true);
  EXPECT_EQ(stderr_of(speak), "warning: odd spacing 0.5\n");
  set_quiet(false);
}

}  // namespace
}  // namespace seg
