#include "base/pickle_writer.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace seg {
namespace {

using namespace std::string_literals;

TEST(PickleWriter, WritesEveryKindOfValueAsPickletoolsDescribesIt) {
  EXPECT_EQ(to_pickle(nullptr), "\x80\x02N."s);
  EXPECT_EQ(to_pickle(Json::parse("[true, false]")), "\x80\x02(\x88\x89l."s);
  EXPECT_EQ(to_pickle(258), "\x80\x02J\x02\x01\x00\x00."s);
  EXPECT_EQ(to_pickle(-2), "\x80\x02J\xfe\xff\xff\xff."s);
  EXPECT_EQ(to_pickle(std::int64_t{1} << 40), "\x80\x02\x8a\x08\x00\x00\x00\x00\x00\x01\x00\x00."s);
  EXPECT_EQ(to_pickle(1.5), "\x80\x02G\x3f\xf8\x00\x00\x00\x00\x00\x00."s);
  EXPECT_EQ(to_pickle("ab"), "\x80\x02X\x02\x00\x00\x00"s + "ab."s);
  EXPECT_EQ(to_pickle(Json{{"a", 1}}), "\x80\x02(X\x01\x00\x00\x00"s + "aJ\x01\x00\x00\x00"s + "d."s);
}

TEST(PickleWriter, NestsListsTuplesAndGlobals) {
  PickleWriter writer;
  writer.begin();
  writer.begin();
  writer.global("builtins", "len");
  writer.end_list();
  writer.value(nullptr);
  writer.end_tuple();
  EXPECT_EQ(std::move(writer).finish(), "\x80\x02((cbuiltins\nlen\nlNt."s);
}

}  // namespace
}  // namespace seg
