#include "weights/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "support/errors.h"
#include "support/folder.h"
#include "support/tensor_views.h"

namespace seg {
namespace {

using testing::values_of;

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A file with this header and `data` zero bytes behind it.
std::string file_of(const std::string& header, std::size_t data) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(header.size() >> (8 * i) & 0xff);
  return bytes + header + std::string(data, '\0');
}

/// One array's entry of a header.
std::string array(const char* name, const char* type, const char* shape, const char* offsets) {
  return fmt::format(R"("{}":{{"dtype":"{}","shape":{},"data_offsets":{}}})", name, type, shape, offsets);
}

class Safetensors : public ::testing::Test {
 protected:
  void store(const std::string& bytes) { std::ofstream(file, std::ios::binary) << bytes; }

  /// What reading these bytes complains about; every complaint names the file.
  std::string complaint(const std::string& bytes) {
    store(bytes);
    const std::string text = error_of([&] { SafetensorsFile read(file); });
    EXPECT_THAT(text, HasSubstr(file.string()));
    return text;
  }
  std::string complaint_of_header(const std::string& header, std::size_t data = 0) {
    return complaint(file_of(header, data));
  }

  testing::TemporaryFolder folder;
  fs::path file = folder / "model.safetensors";
};

TEST_F(Safetensors, RoundTripsArraysAndMetadata) {
  const std::vector<std::uint8_t> odd{1, 0, 1};
  const std::vector<float> weight{0.5f, -1, 3e38f, 1e-40f, 0, -0.f};
  const std::vector<std::int64_t> steps{INT64_MIN};
  const std::map<std::string, std::string> metadata{{"plans", "{\"a\": [1, 2]}\n"}, {"name", "größe"}};
  write_safetensors(
      file,
      std::vector<TensorView>{{"z.mask", TensorType::boolean, {3}, std::as_bytes(std::span(odd))},
                              {"a.weight", TensorType::f32, {2, 3, 1}, std::as_bytes(std::span(weight))},
                              {"none", TensorType::f16, {4, 0}, {}},
                              {"steps", TensorType::i64, {}, std::as_bytes(std::span(steps))}},
      metadata);
  const SafetensorsFile read(file);
  EXPECT_EQ(read.metadata(), metadata);
  std::vector<std::string> names;
  for (const auto& tensor : read.tensors()) names.push_back(tensor.name);
  EXPECT_THAT(names, ElementsAre("z.mask", "a.weight", "none", "steps"));
  EXPECT_EQ(values_of<std::uint8_t>(*read.find("z.mask")), odd);
  EXPECT_THAT(read.find("a.weight")->shape, ElementsAre(2, 3, 1));
  EXPECT_EQ(values_of<float>(*read.find("a.weight")), weight);
  EXPECT_THAT(read.find("none")->shape, ElementsAre(4, 0));
  EXPECT_THAT(read.find("none")->bytes, IsEmpty());
  EXPECT_EQ(read.find("steps")->type, TensorType::i64);
  EXPECT_THAT(read.find("steps")->shape, IsEmpty());
  EXPECT_EQ(values_of<std::int64_t>(*read.find("steps")), steps);
  EXPECT_EQ(read.find("weight"), nullptr);
  const std::string bytes = read_text(file);
  EXPECT_EQ((8 + static_cast<unsigned char>(bytes[0]) + 256 * static_cast<unsigned char>(bytes[1])) % 8, 0);
}

TEST_F(Safetensors, EveryTypeRoundTrips) {
  const std::vector<std::byte> bytes(16);
  std::vector<TensorView> tensors;
  for (const auto type :
       {TensorType::f64, TensorType::f32, TensorType::f16, TensorType::bf16, TensorType::i64, TensorType::i32,
        TensorType::i16, TensorType::i8, TensorType::u8, TensorType::boolean}) {
    const auto items = static_cast<std::int64_t>(bytes.size() / item_size(type));
    tensors.push_back({std::string(type_name(type)), type, {items}, bytes});
  }
  write_safetensors(file, tensors, {});
  const SafetensorsFile read(file);
  ASSERT_EQ(read.tensors().size(), tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    EXPECT_EQ(read.tensors()[i].type, tensors[i].type);
    EXPECT_EQ(read.tensors()[i].shape, tensors[i].shape);
  }
}

// The layout written down in the format's description, made by hand.
TEST_F(Safetensors, ReadsAPlainFileInOffsetOrder) {
  const std::string header = "{" + array("b", "U8", "[2]", "[4,6]") + ",\n " +
                             array("a", "F32", "[1]", "[0,4]") + R"(,"__metadata__":{"format":"pt"}}   )";
  std::string bytes = file_of(header, 0) + std::string("\0\0\x80\x3f\x07\x08", 6);
  store(bytes);
  const SafetensorsFile read(file);
  ASSERT_EQ(read.tensors().size(), 2u);
  EXPECT_EQ(read.tensors()[0].name, "a");
  EXPECT_THAT(values_of<float>(read.tensors()[0]), ElementsAre(1.f));
  EXPECT_THAT(values_of<std::uint8_t>(read.tensors()[1]), ElementsAre(7, 8));
  EXPECT_EQ(read.metadata().at("format"), "pt");
  store(file_of("{}", 0));
  EXPECT_THAT(SafetensorsFile(file).tensors(), IsEmpty());
}

TEST_F(Safetensors, RefusesEveryTruncation) {
  const std::string good = file_of("{" + array("a", "F32", "[2]", "[0,8]") + "}", 8);
  for (std::size_t length = 0; length < good.size(); ++length) complaint(good.substr(0, length));
  EXPECT_THAT(complaint(""), HasSubstr("not a safetensors file: it has 0 bytes"));
  EXPECT_THAT(complaint(good.substr(0, good.size() - 1)), HasSubstr("no range within the file's 7 bytes"));
  EXPECT_THAT(complaint(good + "x"), HasSubstr("1 unused bytes behind the last array"));
}

TEST_F(Safetensors, RefusesLongHeaders) {
  EXPECT_THAT(complaint(std::string(8, '\xff') + "{}"), HasSubstr("a header of 18446744073709551615 bytes"));
  EXPECT_THAT(complaint(std::string("\x03\0\0\0\0\0\0\0{}", 10)), HasSubstr("a header of 3 bytes"));
}

TEST_F(Safetensors, RefusesHeadersThatAreNotTheRightJson) {
  EXPECT_THAT(complaint_of_header("not json"), HasSubstr("not valid JSON"));
  EXPECT_THAT(complaint_of_header(""), HasSubstr("not valid JSON"));
  EXPECT_THAT(complaint_of_header("[]"), HasSubstr("not a JSON object"));
  EXPECT_THAT(complaint_of_header("{\"a\":1}"), HasSubstr("a > it is not described by an object"));
  EXPECT_THAT(complaint_of_header("{\"\xff\":1}"), HasSubstr("not valid JSON"));
  EXPECT_THAT(complaint_of_header("{\"a\":{}}"), HasSubstr("\"dtype\" is missing"));
  EXPECT_THAT(complaint_of_header(std::string(100000, '[')), HasSubstr("not valid JSON"));
  EXPECT_THAT(complaint_of_header("{" + array("a", "F8_E4M3", "[1]", "[0,1]") + "}", 1),
              HasSubstr("F8_E4M3"));
  EXPECT_THAT(complaint_of_header(R"({"__metadata__":{"epoch":3}})"), HasSubstr("\"epoch\" is not a string"));
  EXPECT_THAT(complaint_of_header(R"({"__metadata__":"x"})"), HasSubstr("__metadata__ is not an object"));
}

TEST_F(Safetensors, RefusesRepeatedNames) {
  const std::string one = array("a", "U8", "[1]", "[0,1]");
  EXPECT_THAT(complaint_of_header("{" + one + "," + one + "}", 1), HasSubstr("the name \"a\" twice"));
  EXPECT_THAT(complaint_of_header(R"({"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}})", 1),
              HasSubstr("the name \"dtype\" twice"));
  EXPECT_THAT(complaint_of_header(R"({"__metadata__":{"k":"1","k":"2"}})"),
              HasSubstr("the name \"k\" twice"));
}

TEST_F(Safetensors, RefusesBadOffsets) {
  const auto with = [&](const char* offsets) {
    return complaint_of_header("{" + array("a", "U8", "[4]", offsets) + "}", 4);
  };
  for (const auto* offsets : {"[0,5]", "[4,0]", "[0]", "[0,2,4]", "[]", "[0,9223372036854775807]"})
    EXPECT_THAT(with(offsets), HasSubstr("no range")) << offsets;
  for (const auto* offsets : {"[-1,3]", "[0,4.5]", "[0,\"4\"]", "[0,18446744073709551615]", "[0,1e30]"})
    EXPECT_THAT(with(offsets), HasSubstr("no size")) << offsets;
  EXPECT_THAT(with("4"), HasSubstr("\"data_offsets\" is missing or no list"));
}

TEST_F(Safetensors, RefusesOverlapsAndGaps) {
  const auto two = [&](const char* first, const char* second) {
    return complaint_of_header(
        "{" + array("a", "U8", "[4]", first) + "," + array("b", "U8", "[4]", second) + "}", 9);
  };
  EXPECT_THAT(two("[0,4]", "[3,7]"), HasSubstr("\"b\" overlaps"));
  EXPECT_THAT(two("[0,4]", "[0,4]"), HasSubstr("overlaps"));
  EXPECT_THAT(two("[0,4]", "[5,9]"), HasSubstr("1 unused bytes before array \"b\""));
  EXPECT_THAT(two("[1,5]", "[5,9]"), HasSubstr("1 unused bytes before array \"a\""));
  EXPECT_THAT(two("[0,4]", "[4,8]"), HasSubstr("1 unused bytes behind"));
}

TEST_F(Safetensors, RefusesShapesThatDoNotFit) {
  const auto with = [&](const char* shape) {
    return complaint_of_header("{" + array("a", "F32", shape, "[0,8]") + "}", 8);
  };
  EXPECT_THAT(with("[3]"), HasSubstr("shape [3] of type F32 takes 12 bytes, got 8"));
  EXPECT_THAT(with("[]"), HasSubstr("takes 4 bytes, got 8"));
  EXPECT_THAT(with("[0]"), HasSubstr("takes 0 bytes, got 8"));
  // 2^62 * 4 bytes is 0 modulo 2^64.
  EXPECT_THAT(with("[4611686018427387904]"), HasSubstr("too large"));
  EXPECT_THAT(with("[4294967296,4294967296,2]"), HasSubstr("too large"));
  EXPECT_THAT(with("[2,-1]"), HasSubstr("no size"));
  EXPECT_THAT(with("[18446744073709551615]"), HasSubstr("no size"));
  EXPECT_THAT(with("2"), HasSubstr("\"shape\" is missing or no list"));
}

TEST_F(Safetensors, WritingChecksItsArrays) {
  const std::vector<std::byte> bytes(8);
  const TensorView good{"a", TensorType::f32, {2}, bytes};
  const auto write = [&](const std::vector<TensorView>& tensors,
                         std::map<std::string, std::string> metadata) {
    return error_of([&] { write_safetensors(file, tensors, metadata); });
  };
  EXPECT_THAT(write({good, good}, {}), AllOf(HasSubstr("\"a\""), HasSubstr("twice")));
  EXPECT_THAT(write({{"__metadata__", TensorType::f32, {2}, bytes}}, {}), HasSubstr("reserved"));
  EXPECT_THAT(write({{"a", TensorType::f32, {3}, bytes}}, {}), HasSubstr("takes 12 bytes, got 8"));
  EXPECT_THAT(write({{"a", TensorType::f32, {-2}, bytes}}, {}), HasSubstr("negative"));
  EXPECT_THAT(write({{"\xff", TensorType::f32, {2}, bytes}}, {}), HasSubstr("cannot be written"));
  EXPECT_THAT(write({good}, {{"key", "\xff"}}), HasSubstr("cannot be written"));
  EXPECT_FALSE(fs::exists(file));
}

}  // namespace
}  // namespace seg
