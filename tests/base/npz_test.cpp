#include "base/npz.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <numeric>
#include <string>

#include "base/zip.h"
#include "support/errors.h"
#include "support/folder.h"
#include "support/goldens.h"

namespace seg {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

// Made with Python's zipfile the way numpy.savez_compressed writes: deflated, zip64 fields in local headers.
// ramp: float32 [2, 3], 0 to 2.5 in halves; label: int8 [4], 0 1 -1 3.
constexpr std::string_view kPythonArchive =
    "504b03042d0000000800000021000bc0b076ffffffffffffffff0800140072616d702e6e707901001000980000000000"
    "000057000000000000009bec17ea1b10c9c850c650ad9e925a9c5ca46ea5a06e9366a2aea3a09e965f54529498179f5f"
    "94920a12774bcc294e058a17672416a402f91a463a0ac69a3a0ab50a64032e0608b067606800e20340cce0c0c0a0e000"
    "00504b03042d000000080000002100c723745effffffffffffffff090014006c6162656c2e6e70790100100084000000"
    "0000000048000000000000009bec17ea1b10c9c850c650ad9e925a9c5ca46ea5a05e9369a8aea3a09e965f5452949817"
    "9f5f94920a12774bcc294e058a17672416a402f91a263a9a3a0ab50a14002e06c6ffcc00504b01022d032d0000000800"
    "000021000bc0b076570000009800000008000000000000000000000080010000000072616d702e6e7079504b01022d03"
    "2d000000080000002100c723745e48000000840000000900000000000000000000008001910000006c6162656c2e6e70"
    "79504b050600000000020002006d000000140100000000";

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return bytes;
}

template <class T>
NpzEntry entry(std::string name, std::vector<std::int64_t> shape, const std::vector<T>& values) {
  return {std::move(name), dtype_of<T>(), std::move(shape), std::as_bytes(std::span(values))};
}

class Npz : public ::testing::Test {
 protected:
  void store(const std::string& bytes) { std::ofstream(file, std::ios::binary) << bytes; }

  /// What reading an archive of these bytes complains about.
  std::string complaint(const std::string& bytes) {
    store(bytes);
    return error_of([&] { read_npz(file); });
  }

  TemporaryFolder folder;
  fs::path file = folder / "arrays.npz";
};

TEST_F(Npz, ReadsADeflatedArchiveOfPython) {
  store(from_hex(kPythonArchive));
  const auto arrays = read_npz(file);
  ASSERT_EQ(arrays.size(), 2u);
  const auto& ramp = array_of(arrays, "ramp");
  EXPECT_THAT(ramp.shape(), ElementsAre(2, 3));
  EXPECT_THAT(ramp.values<float>(), ElementsAre(0.f, 0.5f, 1.f, 1.5f, 2.f, 2.5f));
  EXPECT_THAT(array_of(arrays, "label").values<std::int8_t>(), ElementsAre(0, 1, -1, 3));
}

TEST_F(Npz, ReadsGoldens) {
  SEG_REQUIRE_SHARED("goldens/pipeline/training/augmentation/input.npz");
  const auto arrays = read_npz(testing::shared_folder() / "goldens/pipeline/training/augmentation/input.npz");
  const auto& data = array_of(arrays, "data");
  EXPECT_EQ(data.values<float>().size(), 15360u);  // (61568 - 128 bytes of header) / 4
  EXPECT_EQ(static_cast<std::int64_t>(data.values<float>().size()), data.header().count());
}

TEST_F(Npz, RoundTripsEveryTypeAndShape) {
  std::vector<double> many(1000);
  std::iota(many.begin(), many.end(), -3.5);
  const std::vector<float> scalar{7.25f}, none;
  const std::vector<std::int64_t> big{INT64_MIN, INT64_MAX};
  const std::vector<std::uint8_t> bytes{0, 255};
  write_npz(file, std::vector<NpzEntry>{entry("many", {10, 4, 25}, many), entry("scalar", {}, scalar),
                                        entry("none", {0, 3}, none), entry("big", {2}, big),
                                        entry("bytes", {1, 2}, bytes)});
  const auto arrays = read_npz(file);
  ASSERT_EQ(arrays.size(), 5u);
  EXPECT_THAT(array_of(arrays, "many").shape(), ElementsAre(10, 4, 25));
  EXPECT_THAT(array_of(arrays, "many").values<double>(), ::testing::ElementsAreArray(many));
  EXPECT_TRUE(array_of(arrays, "scalar").shape().empty());
  EXPECT_THAT(array_of(arrays, "scalar").values<float>(), ElementsAre(7.25f));
  EXPECT_THAT(array_of(arrays, "none").shape(), ElementsAre(0, 3));
  EXPECT_TRUE(array_of(arrays, "none").values<float>().empty());
  EXPECT_THAT(array_of(arrays, "big").values<std::int64_t>(), ElementsAre(INT64_MIN, INT64_MAX));
  EXPECT_THAT(array_of(arrays, "bytes").values<std::uint8_t>(), ElementsAre(0, 255));
}

TEST_F(Npz, EqualArraysGiveEqualFiles) {
  const std::vector<float> values{1, 2, 3};
  const auto twin = folder / "twin.npz";
  write_npz(file, std::vector<NpzEntry>{entry("x", {3}, values)});
  write_npz(twin, std::vector<NpzEntry>{entry("x", {3}, values)});
  EXPECT_EQ(read_text(file), read_text(twin));
}

TEST_F(Npz, RefusesShapesThatDoNotFitTheirValues) {
  const std::vector<float> values(6);
  EXPECT_THAT(error_of([&] {
                write_npz(file, std::vector<NpzEntry>{entry("x", {2, 4}, values)});
              }),
              HasSubstr("shape (2, 4) takes 32 bytes of values, got 24"));
  EXPECT_FALSE(fs::exists(file));
}

TEST_F(Npz, NamesWhatIsMissingOrOfAnotherType) {
  store(from_hex(kPythonArchive));
  const auto arrays = read_npz(file);
  EXPECT_THAT(error_of([&] { array_of(arrays, "rampe"); }),
              AllOf(HasSubstr("\"rampe\""), HasSubstr("label, ramp")));
  EXPECT_THAT(error_of([&] { array_of(arrays, "ramp").values<double>(); }),
              HasSubstr("ramp: expected values of type <f8, got <f4"));
}

TEST_F(Npz, RefusesEveryTruncation) {
  const std::string good = from_hex(kPythonArchive);
  for (std::size_t length = 0; length < good.size(); ++length) {
    EXPECT_THAT(complaint(good.substr(0, length)), HasSubstr(file.string()))
        << "first " << length << " bytes";
  }
}

// A flipped bit may hit a field nobody reads; it must never give other values.
TEST_F(Npz, NeverReadsOtherValuesFromADamagedFile) {
  const std::string good = from_hex(kPythonArchive);
  int refused = 0;
  for (std::size_t i = 0; i < good.size() * 8; ++i) {
    std::string bad = good;
    bad[i / 8] = static_cast<char>(bad[i / 8] ^ (1 << i % 8));
    store(bad);
    try {
      for (const auto& [name, array] : read_npz(file)) {
        if (name == "ramp") {
          EXPECT_THAT(array.values<float>(), ElementsAre(0.f, 0.5f, 1.f, 1.5f, 2.f, 2.5f)) << "bit " << i;
        }
      }
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 1000);
}

TEST_F(Npz, RefusesSizesThatPackedBytesCannotHave) {
  const std::string good = from_hex(kPythonArchive);
  const auto directory = good.find("PK\x01\x02");
  const auto with_size = [&](std::string_view size) {
    std::string bad = good;
    return bad.replace(directory + 24, 4, size);
  };
  EXPECT_THAT(complaint(with_size({"\xf0\xff\xff\xff", 4})), HasSubstr("cannot hold"));
  EXPECT_THAT(complaint(with_size({"\xff\xff\xff\xff", 4})), HasSubstr("zip64"));
  EXPECT_THAT(complaint(with_size({"\x97\0\0\0", 4})), HasSubstr("do not unpack to the stated 151 bytes"));
  EXPECT_THAT(complaint(with_size({"\x99\0\0\0", 4})), HasSubstr("do not unpack to the stated 153 bytes"));
}

TEST_F(Npz, RefusesEntriesThatShareBytes) {
  // Both directory records name the first entry; its data counts twice.
  std::vector<float> values(1000);
  write_npz(file, std::vector<NpzEntry>{entry("a", {1000}, values), entry("b", {0}, std::vector<float>{})});
  std::string bytes = read_text(file);
  const auto first = bytes.find("PK\x01\x02"), second = bytes.find("PK\x01\x02", first + 4);
  const std::string local = bytes.substr(first + 16, 12), offset = bytes.substr(first + 42, 4);
  bytes.replace(second + 16, 12, local);
  bytes.replace(second + 42, 4, offset);
  EXPECT_THAT(complaint(bytes), HasSubstr("overlap"));
}

TEST_F(Npz, RefusesOtherContents) {
  const std::string text = "no array";
  write_zip(file, std::vector<ZipContent>{{"note.txt", {std::as_bytes(std::span(text))}}});
  EXPECT_THAT(error_of([&] { read_npz(file); }), AllOf(HasSubstr("note.txt"), HasSubstr("not an array")));
  write_zip(file, std::vector<ZipContent>{{"x.npy", {std::as_bytes(std::span(text))}}});
  EXPECT_THAT(error_of([&] { read_npz(file); }), HasSubstr("not an .npy file"));
  const std::vector<float> values{1};
  write_npz(file, std::vector<NpzEntry>{entry("x", {1}, values), entry("x", {1}, values)});
  EXPECT_THAT(error_of([&] { read_npz(file); }), HasSubstr("array x stands in it twice"));
  EXPECT_THAT(error_of([&] { read_npz(folder / "absent.npz"); }), HasSubstr("absent.npz"));
}

}  // namespace
}  // namespace seg
