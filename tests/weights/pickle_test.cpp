// Pickles written by hand, opcode by opcode.
#include "weights/pickle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/errors.h"
#include "support/memory.h"

namespace seg {
namespace {

using namespace std::string_view_literals;

using testing::error_of;
using ::testing::HasSubstr;
using Kind = PickleValue::Kind;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

/// A short text for a value: numbers, 'text', b'bytes', [lists], (tuples), {dicts}, and name(args)state for
/// objects.
std::string show(const PickleValue& value) {
  const auto list = [&](const char* open, const char* close) {
    std::string text = open;
    for (const auto* item : value.items) text += (text.size() > 1 ? " " : "") + show(*item);
    return text + close;
  };
  switch (value.kind) {
    case Kind::none:
      return "None";
    case Kind::boolean:
      return value.integer != 0 ? "True" : "False";
    case Kind::integer:
      return std::to_string(value.integer);
    case Kind::large_integer:
      return "large" + std::to_string(value.text.size());
    case Kind::real:
      return fmt::format("{}", value.real);
    case Kind::text:
      return "'" + value.text + "'";
    case Kind::bytes:
      return "b'" + value.text + "'";
    case Kind::list:
      return list("[", "]");
    case Kind::tuple:
      return list("(", ")");
    case Kind::dict:
      return list("{", "}");
    case Kind::global:
      return value.text;
    case Kind::persistent:
      return "id" + show(*value.args);
    case Kind::object:
      break;
  }
  const std::string items = value.items.empty() ? "" : list("<", ">");
  return show(*value.callable) + show(*value.args) + (value.state != nullptr ? show(*value.state) : "") +
         items;
}

std::string read(std::string_view pickle) {
  const Pickle result = read_pickle(bytes_of(pickle));
  EXPECT_EQ(result.size, pickle.size());
  return show(*result.root);
}

std::string complaint(std::string_view pickle) {
  return error_of([&] { read_pickle(bytes_of(pickle)); });
}

TEST(Pickle, ReadsNumbersOfEveryProtocol) {
  EXPECT_EQ(read("I42\n."), "42");
  EXPECT_EQ(read("I01\n."), "True");
  EXPECT_EQ(read("L-7L\n."), "-7");
  EXPECT_EQ(read("L123456789012345678901234567890L\n."), "large30");
  EXPECT_EQ(read("F-1.5e3\n."), "-1500");
  EXPECT_EQ(read("\x80\2(K\xffM\1\2J\xfe\xff\xff\xff\x88\x89NG\x40\x04\0\0\0\0\0\0t."sv),
            "(255 513 -2 True False None 2.5)");
  EXPECT_EQ(read("\x80\2(\x8a\0\x8a\1\xff\x8a\2\xff\0\x8a\x08\0\0\0\0\0\0\0\x80\x8b\1\0\0\0\x05t."sv),
            "(0 -1 255 -9223372036854775808 5)");
  EXPECT_EQ(read("\x80\2\x8a\x09\0\0\0\0\0\0\0\x80\0."sv), "large9");
}

TEST(Pickle, ReadsTextAndBytesOfEveryProtocol) {
  EXPECT_EQ(read("S'a\\n\\'\\x41\\\\'\n."), "'a\n'A\\'");
  EXPECT_EQ(read("Vgr\\u00f6\xdf"
                 "e \\U0001f600\n."),
            "'größe \U0001f600'");
  EXPECT_EQ(read("(U\1aT\1\0\0\0bX\2\0\0\0\xc3\xbct."sv), "('a' 'b' 'ü')");
  EXPECT_EQ(
      read(
          "\x80\4\x95\0\0\0\0\0\0\0\0(\x8c\1c\x8d\1\0\0\0\0\0\0\0dC\1eB\1\0\0\0f\x8e\1\0\0\0\0\0\0\0g\x96\1\0\0\0\0\0\0\0ht."sv),
      "('c' 'd' b'e' b'f' b'g' b'h')");
  // How protocol 2 writes b"\xff\x01".
  EXPECT_EQ(read("\x80\2c_codecs\nencode\n(X\3\0\0\0\xc3\xbf\1X\6\0\0\0latin1tR."sv), "b'\xff\1'");
}

TEST(Pickle, ReadsContainersAndSharedValues) {
  EXPECT_EQ(read("(lp0\nI1\naI2\na."), "[1 2]");
  EXPECT_EQ(read("(dp0\nS'k'\nI1\ns."), "{'k' 1}");
  EXPECT_EQ(read("\x80\2](K\1K\2e."), "[1 2]");
  EXPECT_EQ(read("\x80\2}(K\1K\2u."), "{1 2}");
  EXPECT_EQ(read("\x80\2)K\1\x85\x86."), "(() (1))");
  EXPECT_EQ(read("\x80\4\x8f(K\1\x90."), "[1]");
  EXPECT_EQ(read("\x80\4(K\1\x91."), "[1]");
  EXPECT_EQ(read("\x80\2]q\5h\5r\0\1\0\0j\0\1\0\0\x87."sv), "([] [] [])");
  EXPECT_EQ(read("\x80\4]\x94h\0\x86."sv), "([] [])");
  EXPECT_EQ(read("\x80\2K\1K\2"
                 "0(K\3"
                 "1(02\x86."),
            "(1 1)");
  EXPECT_EQ(read("\x80\2ccollections\nOrderedDict\n)R(K\1K\2u}U\1mK\1sb."), "{1 2}");
  EXPECT_EQ(read("\x80\2ccollections\nOrderedDict\n]](K\1K\2ea\x85R."), "{1 2}");
  EXPECT_EQ(read("\x80\2c__builtin__\nset\n](K\1e\x85R."), "[1]");
}

// The point of it all: nothing is looked up or called.
TEST(Pickle, UnknownClassesAndCallsBecomeRecords) {
  EXPECT_EQ(read("cposix\nsystem\n(S'rm -rf /'\ntR."), "posix.system('rm -rf /')");
  EXPECT_EQ(read("\x80\2cargparse\nNamespace\n)\x81}U\1aK\1sb."), "argparse.Namespace(){'a' 1}");
  EXPECT_EQ(read("\x80\4\x8c\1m\x8c\1C\x93)}\x92."), "m.C()");
  EXPECT_EQ(read("\x80\2cm\nDict\n)R(K\1K\2u."), "m.Dict()<1 2>");
  EXPECT_EQ(read("\x80\2cm\nList\n)RK\1a."), "m.List()<1>");
  EXPECT_EQ(read("\x80\2cbuiltins\ngetattr\ncm\nC\nU\1f\x86R)R."), "builtins.getattr(m.C 'f')()");
  EXPECT_EQ(read("\x80\2U\7storageK\1\x86Q."), "id('storage' 1)");
}

TEST(Pickle, StopsAtItsEnd) {
  EXPECT_EQ(read_pickle(bytes_of("K\1.K\2.")).size, 3u);
}

TEST(Pickle, RefusesEveryTruncation) {
  const std::string_view good =
      "\x80\4\x95\0\0\0\0\0\0\0\0(cm\nC\nX\2\0\0\0abM\1\2G\0\0\0\0\0\0\0\0I12\n\x8a\2\0\1t."sv;
  read(good);
  for (std::size_t length = 0; length < good.size(); ++length) complaint(good.substr(0, length));
}

TEST(Pickle, RefusesWhatMakesNoSense) {
  for (const auto* pickle : {".", "0.", "t.", "(.", "K\1a.", "K\1K\2a.",
                             "}K\1K\2"
                             "a.",
                             "](K\1u.", "}(K\1u.", "(K\1d.", "\x85.", "R.", "K\1K\2R.", "K\1}b.", "](a.",
                             "(]K\1(a.", "\x93.", "K\1K\1\x93."})
    complaint(pickle);
  EXPECT_THAT(complaint("h\5."), HasSubstr("refers to value 5"));
  EXPECT_THAT(complaint("\x80\6."), HasSubstr("protocol 6"));
  EXPECT_THAT(complaint("I1x\n."), HasSubstr("\"1x\" is no number"));
  EXPECT_THAT(complaint("S'\\q'\n."), HasSubstr("escape"));
  EXPECT_THAT(complaint("S'a\n."), HasSubstr("quotes"));
  EXPECT_THAT(complaint("\x80\2\x82\1."), HasSubstr("opcode 0x82 at byte 2 is not supported"));
  EXPECT_THAT(complaint("X\xff\xff\xff\xff."), HasSubstr("cut off"));
  EXPECT_THAT(complaint("\x8d\xff\xff\xff\xff\xff\xff\xff\xff."), HasSubstr("cut off"));
}

TEST(Pickle, RefusesToFillTheMemory) {
  EXPECT_THAT(complaint(std::string(3'000'000, 'N')), HasSubstr("more than 1000000 values"));
  // A long text, turned to bytes over and over; a long list, made a set over and over.
  const std::string text = "X" + std::string("\0\0\1\0", 4) + std::string(65536, 'a');
  std::string encode =
      "\x80\2"
      "c_codecs\nencode\nq\1" +
      text + "X" + std::string("\6\0\0\0", 4) + "latin1\x86q\2";
  std::string set =
      "\x80\2"
      "cbuiltins\nset\nq\1](" +
      std::string(65536, ')') + "e\x85q\2";
  for (int i = 0; i < 30'000; ++i) {
    encode += "h\1h\2R";
    set += "h\1h\2R";
  }
  EXPECT_THAT(complaint(encode + "."), HasSubstr("repeats its values too often"));
  EXPECT_THAT(complaint(set + "."), HasSubstr("repeats its values too often"));
  testing::expect_little_memory();
}

}  // namespace
}  // namespace seg
