// What archives beyond the limits of the first zip format look like; npz_test has damaged and small ones.
#include "base/zip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/errors.h"
#include "support/folder.h"

namespace seg {
namespace {

using testing::error_of;
using ::testing::HasSubstr;

std::string number(std::uint64_t value, int size) {
  std::string bytes;
  for (int i = 0; i < size; ++i, value >>= 8) bytes += static_cast<char>(value & 0xff);
  return bytes;
}

/// One stored entry "a" that holds "hello", with every number in zip64 fields as an archive beyond 4 GiB has
/// them.
struct Zip64 {
  std::uint64_t size = 5, packed = 5, local = 0, count = 1, directory_at = 48;
  std::string field = number(1, 2) + number(24, 2);

  std::string bytes() const {
    const std::string many = number(0xffffffff, 4);
    const std::string common =
        number(45, 2) + number(0, 8) + number(0x3610a686, 4) + many + many + number(1, 2);
    const std::string extra = field + number(size, 8) + number(packed, 8) + number(local, 8);
    const std::string padding(7, 'p');  // extra bytes of the local header
    std::string archive =
        "PK\3\4" + common + number(12, 2) + "a" + number(0xcafe, 2) + number(8, 2) + padding + "p" + "hello";
    archive.resize(48, 'x');
    archive +=
        "PK\1\2" + number(45, 2) + common + number(extra.size(), 2) + number(0, 10) + many + "a" + extra;
    const std::size_t end = archive.size();
    archive += "PK\6\6" + number(44, 8) + number(45, 2) + number(45, 2) + number(0, 8) + number(count, 8) +
               number(count, 8) + number(end - 48, 8) + number(directory_at, 8);
    archive += "PK\6\7" + number(0, 4) + number(end, 8) + number(1, 4);
    return archive + "PK\5\6" + number(0, 4) + number(0xffff, 2) + number(0xffff, 2) + many + many +
           number(0, 2);
  }
};

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(Zip, ReadsZip64) {
  const std::string archive = Zip64{}.bytes();
  const auto entries = list_zip(bytes_of(archive));
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].name, "a");
  EXPECT_EQ(text_of(stored_bytes(entries[0])), "hello");
  EXPECT_EQ(text_of(unpack(entries[0])), "hello");
}

TEST(Zip, RefusesZip64NumbersThatLeadNowhere) {
  const auto complaint = [](const Zip64& zip) {
    const std::string archive = zip.bytes();
    return error_of([&] { list_zip(bytes_of(archive)); });
  };
  const std::uint64_t huge = ~std::uint64_t{0};
  EXPECT_THAT(complaint({.size = 6}), HasSubstr("cannot hold the stated 6 bytes"));
  EXPECT_THAT(complaint({.packed = huge}), HasSubstr("cut off or damaged"));
  EXPECT_THAT(complaint({.local = huge - 8}), HasSubstr("cut off or damaged"));
  EXPECT_THAT(complaint({.count = 2}), HasSubstr("directory is damaged at entry 1"));
  EXPECT_THAT(complaint({.count = huge}), HasSubstr("directory is damaged at entry 1"));
  EXPECT_THAT(complaint({.directory_at = huge - 4}), HasSubstr("cut off or damaged"));
  EXPECT_THAT(complaint({.field = number(2, 2) + number(24, 2)}), HasSubstr("zip64 sizes are missing"));
  EXPECT_THAT(complaint({.field = number(1, 2) + number(8, 2)}), HasSubstr("zip64 sizes are missing"));
}

TEST(Zip, AlignsContents) {
  const testing::TemporaryFolder folder;
  const std::string text = "hello";
  std::vector<ZipContent> contents;
  for (int i = 0; i < 70; ++i)
    contents.push_back({std::string(static_cast<std::size_t>(i) + 1, 'n'), {bytes_of(text)}});
  write_zip(folder / "a.zip", contents, 64);
  const MappedFile file(folder / "a.zip");
  for (const auto& entry : list_zip(file.bytes())) {
    EXPECT_EQ((entry.packed.data() - file.bytes().data()) % 64, 0) << entry.name;
    EXPECT_EQ(text_of(stored_bytes(entry)), text);
  }
}

TEST(Zip, HoldsMoreEntriesThanTheFirstFormatCounts) {
  const testing::TemporaryFolder folder;
  const std::vector<ZipContent> contents(70'000, {"n", {}});
  write_zip(folder / "many.zip", contents);
  const MappedFile file(folder / "many.zip");
  EXPECT_EQ(list_zip(file.bytes()).size(), contents.size());
}

}  // namespace
}  // namespace seg
