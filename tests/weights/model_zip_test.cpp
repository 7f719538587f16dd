#include "weights/model_zip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/zip.h"
#include "support/errors.h"
#include "support/folder.h"

namespace seg {
namespace {

using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const std::string kModel = "Dataset004_Toy/nnUNetTrainer__nnUNetPlans__2d/";

class ModelZip : public ::testing::Test {
 protected:
  void write(const std::vector<std::pair<std::string, std::string>>& files) {
    std::vector<ZipContent> contents;
    for (const auto& [name, text] : files) contents.push_back({name, {std::as_bytes(std::span(text))}});
    write_zip(zip, contents);
  }
  /// The complaint about a model with one more entry; nothing must appear anywhere.
  std::string complaint_with(const std::string& name) {
    write({{kModel + "plans.json", "{}"}, {name, "bad"}});
    return complaint();
  }
  std::string complaint() {
    const std::string text = error_of([&] { install_model_zip(zip, results, false); });
    EXPECT_THAT(text, HasSubstr(zip.string()));
    EXPECT_THAT(everything(), IsEmpty());
    return text;
  }
  /// All files but the archive itself, below the folder around the results.
  std::vector<std::string> everything() {
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder.path())) {
      if (!entry.is_directory() && entry.path() != zip)
        files.push_back(entry.path().lexically_relative(folder.path()).string());
    }
    return files;
  }

  testing::TemporaryFolder folder;
  fs::path zip = folder / "model.zip", results = folder / "results";
};

TEST_F(ModelZip, UnpacksModels) {
  write({{"Dataset004_Toy/", ""},
         {kModel + "plans.json", "{}"},
         {kModel + "fold_0/checkpoint_final.pth", "weights"},
         {"Dataset004_Toy/inference_information.json", "[]"}});
  EXPECT_THAT(install_model_zip(zip, results, false),
              ElementsAre(results / "Dataset004_Toy/nnUNetTrainer__nnUNetPlans__2d"));
  EXPECT_THAT(everything(), UnorderedElementsAre("results/" + kModel + "plans.json",
                                                 "results/" + kModel + "fold_0/checkpoint_final.pth",
                                                 "results/Dataset004_Toy/inference_information.json"));
  EXPECT_EQ(read_text(results / kModel / "fold_0/checkpoint_final.pth"), "weights");
}

TEST_F(ModelZip, ReplacesOnlyWhenTold) {
  write({{kModel + "plans.json", "new"}});
  const fs::path model = results / kModel, other = results / "Dataset004_Toy/another";
  for (const auto& path : {model / "fold_1", other}) make_folder(path);
  write_text(model / "plans.json", "old");
  write_text(other / "plans.json", "other");
  EXPECT_THAT(error_of([&] { install_model_zip(zip, results, false); }),
              ::testing::AllOf(HasSubstr("__2d exists already"), HasSubstr("--force")));
  EXPECT_EQ(read_text(model / "plans.json"), "old");
  install_model_zip(zip, results, true);
  EXPECT_EQ(read_text(model / "plans.json"), "new");
  EXPECT_FALSE(fs::exists(model / "fold_1"));
  EXPECT_EQ(read_text(other / "plans.json"), "other");
}

TEST_F(ModelZip, RefusesNamesThatLeaveTheirFolder) {
  for (const char* name : {"../evil", "/etc/evil", "Dataset004_Toy/../../evil", "Dataset004_Toy/./evil",
                           "Dataset004_Toy//evil", "Dataset004_Toy/x/..", "Dataset004_Toy\\evil",
                           "Dataset004_Toy/a\\..\\..\\evil", "Dataset004_Toy/a\nb", ""})
    EXPECT_THAT(complaint_with(name), HasSubstr("no plain path")) << name;
  EXPECT_THAT(complaint_with(std::string("Dataset004_Toy/a\0b", 18)), HasSubstr("no plain path"));
  EXPECT_THAT(complaint_with("Dataset004_Toy/" + std::string(256, 'a')), HasSubstr("no plain path"));
  for (const char* name : {"evil", "evil/x", "Dataset004_Toy", ".bashrc"})
    EXPECT_THAT(complaint_with(name), HasSubstr("lies in no dataset's folder")) << name;
  EXPECT_THAT(complaint_with(kModel + "plans.json"), HasSubstr("stands twice"));
  complaint_with(kModel + "plans.json/x");
}

TEST_F(ModelZip, RefusesLinks) {
  write({{kModel + "plans.json", "{}"}, {kModel + "link", "/etc/passwd"}});
  std::string bytes = read_text(zip);
  const std::size_t record = bytes.rfind("PK\x01\x02");  // the directory's record of the last entry
  bytes[record + 41] = '\xA1';  // the upper half of the external attributes: Unix' mode 0120777
  bytes[record + 40] = '\xFF';
  write_text(zip, bytes);
  EXPECT_THAT(complaint(), HasSubstr("link\" is a link"));
}

TEST_F(ModelZip, RefusesWhatIsNoModel) {
  write({{"Dataset004_Toy/imagesTr/plans.txt", "x"}});
  EXPECT_THAT(complaint(), HasSubstr("there is no Dataset.../TRAINER__PLANS__CONFIGURATION/plans.json"));
  write_text(zip, "no archive");
  EXPECT_THAT(complaint(), HasSubstr("not a zip archive"));
}

TEST_F(ModelZip, DamageLeavesNothing) {
  write({{kModel + "plans.json", "{}"}, {kModel + "fold_0/checkpoint_final.pth", "weights"}});
  std::string bytes = read_text(zip);
  bytes.replace(bytes.find("weights"), 1, "W");
  write_text(zip, bytes);
  EXPECT_THAT(complaint(), HasSubstr("do not match its checksum"));
}

TEST_F(ModelZip, RefusesBombs) {
  write({{"Dataset004_Toy/a", std::string(200'000, 'x')}});
  std::string bytes = read_text(zip);
  const std::size_t record = bytes.rfind("PK\x01\x02");
  bytes[record + 10] = 8;  // deflated, to 134 MB
  bytes.replace(record + 24, 4, std::string("\0\0\0\x08", 4));
  write_text(zip, bytes);
  EXPECT_THAT(complaint(), HasSubstr("its contents are far larger than its"));
}

}  // namespace
}  // namespace seg
