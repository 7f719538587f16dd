#include "base/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "support/errors.h"
#include "support/folder.h"
#include "support/goldens.h"

namespace seg {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;

/// A version 1 file with this dict as its header.
std::string file_of(std::string dict, const std::string& values, char version = 1) {
  dict.append((64 - (10 + dict.size() + 1) % 64) % 64, ' ');
  dict += '\n';
  std::string bytes = "\x93NUMPY";
  bytes += {version, '\0', static_cast<char>(dict.size() & 0xff), static_cast<char>(dict.size() >> 8)};
  if (version > 1) bytes += {'\0', '\0'};
  return bytes + dict + values;
}

std::string complaint(const std::string& bytes) {
  return error_of([&] { parse_npy_header(std::as_bytes(std::span(bytes))); });
}

class Npy : public ::testing::Test {
 protected:
  testing::TemporaryFolder folder;
  fs::path file = folder / "values.npy";
};

TEST_F(Npy, RoundTripsValuesAndShape) {
  const std::vector<float> values{1, -2, 0.5, 3, 1e30f, -0.f};
  write_npy<float>(file, std::vector<std::int64_t>{1, 2, 3}, values);
  const NpyFile read(file);
  EXPECT_THAT(read.shape(), ElementsAre(1, 2, 3));
  EXPECT_THAT(read.values<float>(), ::testing::ElementsAreArray(values));
  EXPECT_THAT(error_of([&] { read.values<std::int8_t>(); }),
              AllOf(HasSubstr(file.string()), HasSubstr("expected values of type |i1, got <f4")));
}

TEST_F(Npy, ScalarsVectorsAndEmptyArrays) {
  write_npy<std::int64_t>(file, {}, std::vector<std::int64_t>{-7});
  EXPECT_TRUE(NpyFile(file).shape().empty());
  EXPECT_THAT(NpyFile(file).values<std::int64_t>(), ElementsAre(-7));
  write_npy<std::uint8_t>(file, std::vector<std::int64_t>{2}, std::vector<std::uint8_t>{1, 2});
  EXPECT_THAT(NpyFile(file).shape(), ElementsAre(2));
  write_npy<double>(file, std::vector<std::int64_t>{4, 0}, std::vector<double>{});
  EXPECT_THAT(NpyFile(file).shape(), ElementsAre(4, 0));
  EXPECT_TRUE(NpyFile(file).values<double>().empty());
}

// The exact bytes of numpy.save for a float32 array of shape (3,).
TEST_F(Npy, HeaderIsNumpysByteForByte) {
  const std::string expected = std::string("\x93NUMPY\x01\0\x76\0", 10) +
                               "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }" +
                               std::string(60, ' ') + "\n";
  EXPECT_EQ(expected.size(), 128u);
  EXPECT_EQ(npy_header_text(DType::f32, std::vector<std::int64_t>{3}), expected);
}

TEST_F(Npy, HeadersOfGoldensComeOutTheSame) {
  SEG_REQUIRE_SHARED("goldens/ops");
  int compared = 0;
  for (const auto& path : list_files(testing::shared_folder() / "goldens/ops", ".npy")) {
    const NpyFile golden(path);
    const auto text = npy_header_text(golden.header().dtype, golden.shape());
    EXPECT_EQ(read_text(path).substr(0, text.size()), text) << path;
    EXPECT_EQ(text.size(), golden.header().data_offset);
    ++compared;
  }
  EXPECT_GT(compared, 100);
}

TEST_F(Npy, ReadsOtherSpellings) {
  const std::string values(8, '\0');
  const auto parse = [](const std::string& bytes) {
    return parse_npy_header(std::as_bytes(std::span(bytes)));
  };
  EXPECT_THAT(parse(file_of("{'shape': (2L, 1L), 'fortran_order': False, 'descr': '<f4'}", values)).shape,
              ElementsAre(2, 1));
  EXPECT_EQ(parse(file_of("{'descr': '<u1', 'fortran_order': False, 'shape': (8,)}", values)).dtype,
            DType::u8);
}

TEST_F(Npy, RefusesMalformedHeaders) {
  const std::string four(4, '\0');
  const auto with = [&](const char* dict) { return complaint(file_of(dict, four)); };
  EXPECT_THAT(complaint(""), HasSubstr("not an .npy file"));
  EXPECT_THAT(complaint("\x93NUMPX\x01\0\0\0\0\0\0"), HasSubstr("not an .npy file"));
  EXPECT_THAT(with("{'fortran_order': False, 'shape': (1,)}"), HasSubstr("'descr'"));
  EXPECT_THAT(with("{'descr': '<f4', 'shape': (1,)}"), HasSubstr("'fortran_order'"));
  EXPECT_THAT(with("{'descr': '<f4', 'fortran_order': False}"), HasSubstr("'shape'"));
  EXPECT_THAT(with("{'descr': '<f4', 'fortran_order': True, 'shape': (1,)}"), HasSubstr("Fortran"));
  EXPECT_THAT(with("{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}"), HasSubstr(">f4"));
  EXPECT_THAT(with("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}"), HasSubstr("|O"));
  EXPECT_THAT(with("{'descr': '', 'fortran_order': False, 'shape': (1,)}"), HasSubstr("not supported"));
  EXPECT_THAT(with("{'descr': '<f4', 'fortran_order': False, 'shape': 1}"), HasSubstr("broken shape"));
  EXPECT_THAT(with("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}"), HasSubstr("broken shape"));
  EXPECT_THAT(with("{'descr': '<f4', 'fortran_order': False, 'shape': (1e3,)}"), HasSubstr("broken shape"));
  EXPECT_THAT(with("{'descr': '<f4', 'fortran_order': False, 'shape': (2"), HasSubstr("broken shape"));
}

TEST_F(Npy, RefusesSizesThatDoNotFit) {
  const std::string four(4, '\0');
  const auto with = [&](const char* shape) {
    return complaint(
        file_of(fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': {}}}", shape), four));
  };
  EXPECT_THAT(with("(2,)"), HasSubstr("expected 8 bytes of values, got 4"));
  EXPECT_THAT(with("(4294967296, 4294967296, 4294967296)"), HasSubstr("too large"));
  EXPECT_THAT(with("(99999999999999999999999,)"), HasSubstr("broken shape"));
  std::string cut = file_of("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", four);
  EXPECT_THAT(complaint(cut.substr(0, 40)), HasSubstr("header is cut off"));
  // Version 2 has two more bytes before the dict: this header's values start at byte 130.
  EXPECT_THAT(complaint(file_of("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", four, 2)),
              HasSubstr("aligned"));
}

TEST_F(Npy, WritingChecksTheShape) {
  EXPECT_THAT(error_of([&] {
                write_npy<float>(file, std::vector<std::int64_t>{2, 2}, std::vector<float>{1, 2, 3});
              }),
              AllOf(HasSubstr("values.npy"), HasSubstr("shape (2, 2) takes 16 bytes of values, got 12")));
  EXPECT_FALSE(fs::exists(file));
}

}  // namespace
}  // namespace seg
