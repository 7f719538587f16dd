#include "base/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "base/memory.h"
#include "base/whole_number.h"
#include "support/errors.h"
#include "support/folder.h"

namespace seg {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Files : public ::testing::Test {
 protected:
  /// Everything in the folder, hidden files too.
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder.path())) found.push_back(entry.path().filename());
    std::sort(found.begin(), found.end());
    return found;
  }

  testing::TemporaryFolder folder;
};

TEST_F(Files, TextComesBackByteForByte) {
  const std::string text("a\r\n\0\xff end", 9);
  write_text(folder / "text", text);
  EXPECT_EQ(read_text(folder / "text"), text);
  write_text(folder / "text", "");
  EXPECT_EQ(read_text(folder / "text"), "");
  EXPECT_THAT(names(), ElementsAre("text"));
}

TEST_F(Files, ReadingNamesTheFileAndTheReason) {
  EXPECT_THAT(error_of([&] { read_text(folder / "absent"); }),
              AllOf(HasSubstr((folder / "absent").string()), HasSubstr("No such file")));
  EXPECT_THAT(error_of([&] { read_text(folder.path()); }), HasSubstr("Is a directory"));
}

TEST_F(Files, AFailingWriterLeavesTheOldFile) {
  write_text(folder / "model.json", "old");
  EXPECT_THAT(error_of([&] {
                write_atomically(folder / "model.json", [](const fs::path& temporary) {
                  std::ofstream(temporary) << "half";
                  fail("the network has no weights");
                });
              }),
              AllOf(HasSubstr("cannot write"), HasSubstr("model.json"), HasSubstr("no weights")));
  EXPECT_EQ(read_text(folder / "model.json"), "old");
  EXPECT_THAT(names(), ElementsAre("model.json"));
}

TEST_F(Files, AWriterThatWritesNothingIsAnError) {
  EXPECT_THAT(error_of([&] { write_atomically(folder / "x", [](const fs::path&) {}); }),
              HasSubstr("cannot write"));
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(Files, TheTemporaryFileStandsBesideAndKeepsTheEnding) {
  write_atomically(folder / "case.nii.gz", [&](const fs::path& temporary) {
    EXPECT_EQ(temporary.parent_path(), folder.path());
    EXPECT_TRUE(temporary.filename().string().ends_with("case.nii.gz"));
    EXPECT_THAT(list_files(folder.path()), IsEmpty()) << "a half-written file must not be listed";
    std::ofstream(temporary) << "x";
    EXPECT_THAT(list_files(folder.path()), IsEmpty());
  });
  EXPECT_THAT(names(), ElementsAre("case.nii.gz"));
}

TEST_F(Files, MissingAndUnwritableFolders) {
  EXPECT_THAT(error_of([&] { write_text(folder / "absent/file", "x"); }),
              AllOf(HasSubstr("absent/file"), HasSubstr("hint: ")));
  EXPECT_FALSE(fs::exists(folder / "absent"));
  write_text(folder / "file", "x");
  EXPECT_THAT(error_of([&] { write_text(folder / "file/below", "x"); }), HasSubstr("file/below"));
  EXPECT_THAT(error_of([&] { make_folder(folder / "file"); }), HasSubstr("cannot create folder"));
  EXPECT_THAT(error_of([&] { make_folder(folder / "file/below"); }), HasSubstr("cannot create folder"));
}

TEST_F(Files, AFolderWithoutWritePermission) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  fs::create_directory(folder / "locked");
  fs::permissions(folder / "locked", fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_THAT(error_of([&] { write_text(folder / "locked/file", "x"); }), HasSubstr("Permission denied"));
  fs::permissions(folder / "locked", fs::perms::owner_all);
  EXPECT_TRUE(fs::is_empty(folder / "locked"));
}

TEST_F(Files, AFullDiskIsAnErrorAndLeavesNothing) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "needs /dev/full";
  EXPECT_THAT(error_of([&] {
                write_atomically(folder / "big", [](const fs::path& temporary) {
                  fs::create_symlink("/dev/full", temporary);
                  std::ofstream out(temporary);
                  out << "x";
                  out.close();
                  if (!out) fail("{}", std::strerror(errno));
                });
              }),
              HasSubstr("No space left"));
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(Files, MakesFoldersWithTheirParents) {
  make_folder(folder / "a/b/c");
  EXPECT_TRUE(fs::is_directory(folder / "a/b/c"));
  make_folder(folder / "a/b/c");
}

TEST_F(Files, ListsFilesSortedByName) {
  for (const auto* name : {"b.json", "a.json", "c.txt", ".hidden.json"}) write_text(folder / name, "");
  make_folder(folder / "d.json");
  EXPECT_THAT(list_files(folder.path(), ".json"), ElementsAre(folder / "a.json", folder / "b.json"));
  EXPECT_EQ(list_files(folder.path()).size(), 3u);
  EXPECT_THAT(error_of([&] { list_files(folder / "absent"); }), HasSubstr("absent"));
}

TEST_F(Files, MapsAFile) {
  write_text(folder / "data", "abc");
  MappedFile file(folder / "data");
  MappedFile moved = std::move(file);
  const auto bytes = moved.bytes();
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()), "abc");
  EXPECT_TRUE(file.bytes().empty());
  std::array<std::byte, 2> two{};
  moved.read(1, two);
  EXPECT_TRUE(std::ranges::equal(two, bytes.subspan(1)));
  EXPECT_THAT(error_of([&] { moved.read(2, two); }), HasSubstr("it ends after 3 bytes"));
  write_text(folder / "empty", "");
  EXPECT_TRUE(MappedFile(folder / "empty").bytes().empty());
  EXPECT_THAT(error_of([&] { MappedFile(folder / "absent"); }), HasSubstr("absent"));
  EXPECT_THAT(error_of([&] { MappedFile(folder.path()); }), HasSubstr(folder.path().string()));
}

/// Bytes of files that are mapped into this process and in memory.
std::size_t resident_of_files() {
  std::istringstream pages(read_text("/proc/self/statm"));
  std::size_t all = 0, resident = 0, of_files = 0;
  pages >> all >> resident >> of_files;
  return of_files * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

TEST_F(Files, GiveMappedMemoryBackAndReadItAgain) {
  constexpr std::size_t kSize = 8 << 20;
  std::string text(kSize, 'x');
  for (std::size_t i = 0; i < kSize; i += 1000) text[i] = static_cast<char>('a' + i / 1000 % 26);
  write_text(folder / "data", text);
  const MappedFile file(folder / "data");
  const auto bytes = file.bytes();
  const auto same = [&] { return std::ranges::equal(bytes, std::as_bytes(std::span(text))); };
  ASSERT_TRUE(same());
  const std::size_t before = resident_of_files();
  file.release(bytes.subspan(100, kSize / 2));
  EXPECT_LT(resident_of_files(), before - kSize / 3);
  EXPECT_TRUE(same());
  file.release(bytes);
  fetch_pages(bytes.subspan(100, kSize / 2));
  EXPECT_TRUE(same());

  const std::string own = text;  // no part of the map: giving it back would lose it
  file.release(std::as_bytes(std::span(text)));
  EXPECT_EQ(text, own);
}

TEST(FolderName, IsTheLastNameWithOrWithoutASlash) {
  for (const char* path : {"a/b", "a/b/", "a/b/.", "/a/b/c/../"}) EXPECT_EQ(folder_name(path), "b") << path;
}

TEST(WholeNumber, TakesDigitsOnly) {
  EXPECT_EQ(whole_number("0003"), 3);
  for (const char* text : {"", "-1", "3x", " 3", "1.5", "99999999999"})
    EXPECT_FALSE(whole_number(text)) << text;
}

TEST_F(Files, AreCopiedByteByByte) {
  write_text(folder / "a", std::string("x\0y", 3));
  copy_atomically(folder / "a", folder / "b");
  EXPECT_EQ(read_text(folder / "b"), read_text(folder / "a"));
  EXPECT_THAT(error_of([&] { copy_atomically(folder / "none", folder / "c"); }),
              ::testing::HasSubstr((folder / "c").string()));
}

}  // namespace
}  // namespace seg
