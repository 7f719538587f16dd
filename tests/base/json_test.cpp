#include "base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/errors.h"
#include "support/folder.h"

namespace seg {
namespace {

using ::testing::AllOf;
using testing::error_of;
using ::testing::HasSubstr;

TEST(Json, ReadsPythonsNumbers) {
  const Json json = parse_json(R"({"a": NaN, "b": [Infinity, -Infinity, -1.5, null], "c": {"d": NaN}})", "x");
  EXPECT_TRUE(std::isnan(json["a"].get<double>()));
  EXPECT_EQ(json["b"][0].get<double>(), std::numeric_limits<double>::infinity());
  EXPECT_EQ(json["b"][1].get<double>(), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(json["b"][2].get<double>(), -1.5);
  EXPECT_TRUE(json["b"][3].is_null());
  EXPECT_TRUE(std::isnan(json["c"]["d"].get<double>()));
  EXPECT_TRUE(std::isnan(parse_json("NaN", "x").get<double>()));
}

TEST(Json, LeavesTextAlone) {
  const std::string text = R"({"NaN": "Infinity", "say \"NaN\"": "a \\", "-Infinity": "-NaN \\\" Infinity"})";
  const Json json = parse_json(text, "x");
  EXPECT_EQ(json["NaN"], "Infinity");
  EXPECT_EQ(json["say \"NaN\""], "a \\");
  EXPECT_EQ(json["-Infinity"], "-NaN \\\" Infinity");
}

// What Python's json.dump(indent=4) writes for the same values.
TEST(Json, WritesAsPythonDoes) {
  const std::string text = R"({
    "z": 1,
    "a": [
        0.1,
        NaN,
        -Infinity,
        Infinity,
        true,
        null
    ],
    "empty": {},
    "none": [],
    "nested": {
        "key \"quoted\"": "value\n"
    }
})";
  EXPECT_EQ(to_text(parse_json(text, "x")), text);
}

TEST(Json, KeepsDoublesExactly) {
  for (const double value : {0.1, 1.0 / 3, 1e-300, 5e-324, 1.7976931348623157e308, -0.0}) {
    const Json back = parse_json(to_text(Json(value)), "x");
    EXPECT_EQ(back.get<double>(), value);
    EXPECT_EQ(std::signbit(back.get<double>()), std::signbit(value));
  }
  EXPECT_EQ(parse_json("9007199254740993", "x").get<std::int64_t>(), 9007199254740993);
}

TEST(Json, FilesRoundTripAndErrorsNameThem) {
  testing::TemporaryFolder folder;
  write_json(folder / "plan.json", Json{{"spacing", {1.5, 2}}});
  EXPECT_EQ(read_json(folder / "plan.json"), (Json{{"spacing", {1.5, 2}}}));
  write_text(folder / "bad.json", "{\"a\": 1,\n \"b\": }");
  EXPECT_THAT(error_of([&] { read_json(folder / "bad.json"); }),
              AllOf(HasSubstr((folder / "bad.json").string()), HasSubstr("line 2")));
  EXPECT_THAT(error_of([&] { read_json(folder / "absent.json"); }), HasSubstr("absent.json"));
}

TEST(Json, RefusesWhatIsNotJson) {
  for (const auto* text : {"", "{", "[1,]", "NaNa", "-Inf", "{\"a\" 1}", "\"\xff\"", "{} {}", "nan"})
    EXPECT_THAT(error_of([&] { parse_json(text, "origin"); }), HasSubstr("origin")) << text;
}

TEST(Json, RefusesEndlessNesting) {
  EXPECT_THAT(error_of([] { parse_json(std::string(1000000, '['), "origin"); }), HasSubstr("origin"));
  const std::string deep = std::string(1000000, '[') + std::string(1000000, ']');
  EXPECT_THAT(error_of([&] { parse_json(deep, "origin"); }), HasSubstr("nested"));
  EXPECT_EQ(parse_json(std::string(50, '[') + std::string(50, ']'), "origin").size(), 1u);
}

TEST(Json, GetNamesTheKey) {
  const Json json = parse_json(R"({"batch": 12, "name": "2d", "none": null})", "x");
  EXPECT_EQ(get<int>(json, "batch"), 12);
  EXPECT_EQ(get<std::string>(json, "name"), "2d");
  EXPECT_THAT(error_of([&] { get<int>(json, "patch"); }), HasSubstr("\"patch\" is missing"));
  EXPECT_THAT(error_of([&] { get<int>(json, "name"); }), AllOf(HasSubstr("\"name\""), HasSubstr("2d")));
  EXPECT_EQ(get_or(json, "patch", 7), 7);
  EXPECT_EQ(get_or(json, "none", 7), 7);
  EXPECT_EQ(get_or(json, "batch", 7), 12);
  EXPECT_THAT(error_of([&] { get_or(json, "name", 7); }), HasSubstr("\"name\""));
}

}  // namespace
}  // namespace seg
