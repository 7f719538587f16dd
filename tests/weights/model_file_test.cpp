#include "weights/model_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "support/errors.h"
#include "support/folder.h"

namespace seg {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;

/// A model of two folds with two arrays each.
class ModelFileTest : public ::testing::Test {
 protected:
  ModelFileTest() { write(); }

  void write() {
    std::vector<TensorView> tensors;
    for (const char* fold : {"0", "all"}) {
      tensors.push_back(
          {name_in_model(fold, "stem.weight"), TensorType::f32, {3}, std::as_bytes(std::span(weights))});
      tensors.push_back(
          {name_in_model(fold, "count"), TensorType::u8, {2}, std::as_bytes(std::span(counts))});
    }
    write_model_file(file, description, tensors);
  }
  /// Without waiting for the disk, as write_text does.
  void store(const std::string& bytes) { std::ofstream(file, std::ios::binary) << bytes; }
  std::string complaint() {
    const std::string text = error_of([&] { ModelFile read(file); });
    EXPECT_THAT(text, AllOf(HasSubstr(file.string()), HasSubstr("hint: expected a file that")));
    return text;
  }
  /// The complaint about the file with these bytes in the place of its own.
  std::string complaint_of(const std::string& bytes) {
    store(bytes);
    return complaint();
  }

  testing::TemporaryFolder folder;
  fs::path file = folder / "model.seg";
  std::vector<float> weights{0.5f, -1, 3};
  std::vector<std::uint8_t> counts{7, 8};
  ModelDescription description{.program = "swin-umamba 1.2",
                               .trainer = "nnUNetTrainer",
                               .configuration = "2d",
                               .network = R"({"network": "nnunet"})",
                               .plans = "{\n  \"plans_name\": \"größe\"}",
                               .dataset = R"({"sha256":"not this"})",
                               .fingerprint = "",
                               .postprocessing = "{}",
                               .folds = R"([{"fold": "0"}, {"fold": "all", "epochs": 3}])"};
};

TEST_F(ModelFileTest, RoundTrips) {
  const ModelFile read(file);
  for (const auto text :
       {&ModelDescription::program, &ModelDescription::trainer, &ModelDescription::configuration,
        &ModelDescription::network, &ModelDescription::plans, &ModelDescription::dataset,
        &ModelDescription::fingerprint, &ModelDescription::postprocessing, &ModelDescription::folds})
    EXPECT_EQ(read.description().*text, description.*text);
  EXPECT_THAT(read.folds(), ElementsAre("0", "all"));
  EXPECT_TRUE(is_model(read));
  const auto views = read.weights("all");
  ASSERT_EQ(views.size(), 2u);
  EXPECT_EQ(views[0].name, "stem.weight");
  EXPECT_TRUE(std::ranges::equal(views[0].bytes, std::as_bytes(std::span(weights))));
  EXPECT_EQ(views[1].name, "count");
  EXPECT_THAT(error_of([&] { (void)read.weights("1"); }),
              HasSubstr("fold 1 is not in the file, it has 0, all"));
}

TEST_F(ModelFileTest, EveryDamagedByteIsNoticed) {
  const std::string whole = read_text(file), hash = "\"sha256\":\"";
  const std::size_t digits = whole.find(hash) + hash.size();
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 1 << i % 8);
    store(damaged);
    EXPECT_NE(error_of([&] { ModelFile read(file); }), "") << "byte " << i;
    if (i >= digits && i < digits + 64) continue;  // of the hash, which is not looked at below
    EXPECT_NE(error_of([&] { ModelFile(file, ContentsCheck::beside).verify(); }), "") << "byte " << i;
  }
  std::string damaged = whole;
  damaged.back() = '\x09';
  EXPECT_THAT(complaint_of(damaged), HasSubstr("its contents do not match its checksum"));
}

TEST_F(ModelFileTest, IsCheckedBesideOtherWork) {
  EXPECT_NO_THROW(ModelFile(file, ContentsCheck::beside).verify());
  std::string damaged = read_text(file);
  damaged.back() = '\x09';
  store(damaged);
  { const ModelFile unasked(file, ContentsCheck::beside); }
  const ModelFile read(file, ContentsCheck::beside);
  for (int time : {1, 2}) {
    EXPECT_THAT(
        error_of([&] { read.verify(); }),
        AllOf(HasSubstr(file.string() + " > its contents do not match its checksum"), HasSubstr("hint: ")))
        << time;
  }
}

TEST_F(ModelFileTest, HashIsCheckedBesideWhereThereIsNoChecksum) {
  std::string older = read_text(file);
  const std::string key = "\"crc32\"";
  older.replace(older.find(key), key.size(), "\"CRC32\"");  // which the hash notices
  store(older);
  EXPECT_THAT(error_of([&] { ModelFile(file, ContentsCheck::beside).verify(); }),
              HasSubstr("its contents do not match its hash"));
}

TEST_F(ModelFileTest, EveryTruncationIsNoticed) {
  const std::string whole = read_text(file);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    store(whole.substr(0, size));
    EXPECT_NE(error_of([&] { ModelFile read(file); }), "") << size;
  }
  complaint_of(whole + "x");
}

TEST_F(ModelFileTest, NeedsAllItsParts) {
  for (const auto& [member, name] :
       {std::pair(&ModelDescription::plans, "plans"), std::pair(&ModelDescription::dataset, "dataset"),
        std::pair(&ModelDescription::network, "network"), std::pair(&ModelDescription::folds, "folds")}) {
    const std::string kept = std::exchange(description.*member, "");
    write();
    EXPECT_THAT(complaint(), HasSubstr(std::string("its metadata have no ") + name));
    description.*member = kept;
  }
  description.folds = R"([{"fold": "0"}])";
  write();
  EXPECT_THAT(complaint(), HasSubstr("array \"fold_all/stem.weight\" belongs to no fold"));
  description.folds = R"([{"fold": "0"}, {"fold": "all"}, {"fold": "3"}])";
  write();
  EXPECT_THAT(complaint(), HasSubstr("the weights of fold 3 are missing"));
  for (const char* folds : {"3", "[]", "[3]", "[{}]", "{"}) {
    description.folds = folds;
    write();
    EXPECT_THAT(complaint(), HasSubstr("fold"));
  }
}

TEST_F(ModelFileTest, RefusesOtherFiles) {
  std::string newer = read_text(file);
  const std::string format = R"("model_format":"1")";
  newer.replace(newer.find(format), format.size(), R"("model_format":"2")");
  EXPECT_THAT(complaint_of(newer), HasSubstr("it is of version 2 of the format, this program reads 1"));
  write_safetensors(file, {}, {{"format", "pt"}});
  EXPECT_THAT(complaint(), HasSubstr("weights without a model"));
  EXPECT_THAT(complaint_of("PK"), HasSubstr("not a safetensors file"));
}

}  // namespace
}  // namespace seg
