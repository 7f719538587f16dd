// Files of torch.save against what PyTorch itself says is in them, ours read by PyTorch, and damaged ones.
#include "weights/pth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>

#include "base/json.h"
#include "base/zip.h"
#include "support/errors.h"
#include "support/folder.h"
#include "support/memory.h"
#include "support/python.h"
#include "support/tensor_views.h"
#include "weights/weights.h"

namespace seg {
namespace {

using testing::values_of;

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kScript = "weights/torch_files.py";
constexpr std::size_t kStride = 5;  // of cutting off: every length would take a minute

float from_half(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  const double value = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  return static_cast<float>((bits & 0x8000) != 0 ? -value : value);
}

template <class T>
std::vector<double> doubles_of(const TensorView& tensor) {
  const auto values = values_of<T>(tensor);
  return {values.begin(), values.end()};
}

std::vector<double> doubles(const TensorView& tensor) {
  switch (tensor.type) {
    case TensorType::f64:
      return doubles_of<double>(tensor);
    case TensorType::f32:
      return doubles_of<float>(tensor);
    case TensorType::i64:
      return doubles_of<std::int64_t>(tensor);
    case TensorType::i32:
      return doubles_of<std::int32_t>(tensor);
    case TensorType::i16:
      return doubles_of<std::int16_t>(tensor);
    case TensorType::i8:
      return doubles_of<std::int8_t>(tensor);
    case TensorType::u8:
    case TensorType::boolean:
      return doubles_of<std::uint8_t>(tensor);
    case TensorType::f16:
    case TensorType::bf16:
      break;
  }
  std::vector<double> values;
  for (const auto bits : values_of<std::uint16_t>(tensor)) {
    values.push_back(tensor.type == TensorType::f16 ? from_half(bits)
                                                    : std::bit_cast<float>(std::uint32_t{bits} << 16));
  }
  return values;
}

std::string_view torch_name(TensorType type) {
  return std::ranges::find(tensor_types(), type, &TensorTypeRow::type)->torch_name;
}

class Pth : public ::testing::Test {
 protected:
  std::string complaint(const std::string& bytes) {
    std::ofstream(file, std::ios::binary) << bytes;
    const std::string text = error_of([&] { PthFile read(file); });
    EXPECT_THAT(text, HasSubstr(file.string()));
    return text;
  }

  testing::TemporaryFolder folder;
  fs::path file = folder / "model.pth";
};

TEST_F(Pth, ReadsEveryKindOfFileOfPyTorch) {
  SEG_RUN_PYTHON(kScript, "make " + folder.path().string());
  const Json expected = read_json(folder / "expected.json");
  EXPECT_GE(expected.size(), 17u);
  for (const auto& [name, tensors] : expected.items()) {
    SCOPED_TRACE(name);
    const NamedArrays read = open_weights(folder / name);
    EXPECT_EQ(read.tensors().size(), tensors.size());
    for (const auto& [key, tensor] : tensors.items()) {
      SCOPED_TRACE(key);
      const TensorView* view = read.find(key);
      ASSERT_NE(view, nullptr);
      EXPECT_EQ(torch_name(view->type), tensor["dtype"].get<std::string>());
      EXPECT_EQ(view->shape, tensor["shape"].get<std::vector<std::int64_t>>());
      EXPECT_EQ(doubles(*view), tensor["values"].get<std::vector<double>>());
    }
  }

  // Everything that is no tensor, of nnU-Net's checkpoints in every protocol and format.
  for (const auto* name :
       {"nnunet.pth", "protocol3.pth", "protocol4.pth", "protocol5.pth", "legacy_nnunet.pth"}) {
    SCOPED_TRACE(name);
    const Json record = parse_json(PthFile(folder / name).metadata().at(kPickleKey), name);
    EXPECT_EQ(record["trainer_name"], "nnUNetTrainerSwinUMambaD");
    EXPECT_EQ(record["_best_ema"], 0.0625);
    EXPECT_EQ(record["current_epoch"], 2);
    EXPECT_EQ(record["inference_allowed_mirroring_axes"], Json({0, 1}));
    EXPECT_EQ(record["grad_scaler_state"]["_growth_tracker"], 3);
    EXPECT_TRUE(std::isnan(record["logging"]["ema_fg_dice"][1].get<double>()));
    EXPECT_EQ(record["logging"]["dice_per_class_or_region"][1], Json({0.5, 0.125}));
    EXPECT_EQ(record["logging"]["train_losses"], Json({-0.5, 0.75}));
    EXPECT_EQ(record["init_args"]["plans"]["configurations"]["2d"]["patch_size"], Json({64, 32}));
    EXPECT_EQ(record["init_args"]["dataset_json"]["labels"]["größe"], Json({1, 2}));
    EXPECT_EQ(record["init_args"]["device"], Json({{"class", "torch.device"}, {"args", {"cpu"}}}));
    EXPECT_EQ(record["optimizer_state"]["param_groups"][0]["weight_decay"], 0.05);
    EXPECT_FALSE(record.contains("network_weights"));
  }
  const Json vmamba = parse_json(PthFile(folder / "vmamba.pth").metadata().at(kPickleKey), "vmamba");
  EXPECT_EQ(vmamba["args"]["class"], "argparse.Namespace");
  EXPECT_EQ(vmamba["args"]["state"]["names"], Json({"a", "b"}));
  EXPECT_THAT(vmamba["config"]["class"].get<std::string>(), HasSubstr("CfgNode"));
  EXPECT_EQ(vmamba["ema"]["k"], Json({1}));
  EXPECT_EQ(vmamba["set"], Json({1}));
  EXPECT_EQ(vmamba["when"], 5);
  EXPECT_EQ(vmamba["optimizer"]["state"]["0"]["step"], 7);
  EXPECT_THAT(PthFile(folder / "types.pth").metadata(), IsEmpty());

  // A network's weights under its own names, whatever is around them.
  const auto names = [&](const char* name) {
    std::vector<std::string> list;
    for (const auto& tensor : network_weights(open_weights(folder / name))) list.push_back(tensor.name);
    return list;
  };
  EXPECT_THAT(names("vmamba.pth"), ElementsAre("patch_embed.proj.weight", "layers.0.x"));
  EXPECT_THAT(names("state_dict.pt"),
              ElementsAre("0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var",
                          "1.num_batches_tracked", "2.weight"));
  for (const auto* name : {"parallel.pth", "compiled.pth", "nnunet.pth", "legacy_nnunet.pth"})
    EXPECT_EQ(names(name), names("state_dict.pt")) << name;

  const auto refused = [&](const char* name) { return error_of([&] { PthFile(folder / name); }); };
  EXPECT_THAT(refused("bad_complex.pth"), AllOf(HasSubstr("net.phase"), HasSubstr("type Complex")));
  EXPECT_THAT(refused("bad_sparse.pth"), AllOf(HasSubstr("> s > "), HasSubstr("_rebuild_sparse_tensor")));
  EXPECT_THAT(refused("bad_quantised.pth"), AllOf(HasSubstr("> q > "), HasSubstr("_rebuild_qtensor")));
  EXPECT_THAT(refused("bad_torchscript.pt"), AllOf(HasSubstr("TorchScript"), HasSubstr("state_dict()")));
  EXPECT_THAT(refused("bad_bomb.pth"), HasSubstr("far more memory than the file's"));
  EXPECT_THAT(refused("bad_lost_storage.pth"), HasSubstr("storage \"1\" is not in the file"));
  const PthFile object(folder / "no_dict.pth");
  EXPECT_THAT(object.tensors(), IsEmpty());
  EXPECT_THAT(object.metadata().at(kPickleKey), HasSubstr("torch.nn.modules.linear.Linear"));

  // Cut off anywhere, the legacy format is refused too (the zip format: see below).
  const std::string legacy = read_text(folder / "legacy_views.pth");
  for (std::size_t length = 0; length < legacy.size(); length += kStride) complaint(legacy.substr(0, length));
}

class WrittenPth : public Pth {
 protected:
  WrittenPth() {
    const TensorView matrix{"a.weight", TensorType::f32, {2, 3}, std::as_bytes(std::span(floats_))};
    const TensorView flags{"flags", TensorType::boolean, {3}, std::as_bytes(std::span(bytes_))};
    const TensorView twin{"b.weight", TensorType::f32, {2, 3}, matrix.bytes};
    const TensorView nothing{"none", TensorType::f16, {4, 0}, {}};
    const TensorView step{"step", TensorType::i64, {}, std::as_bytes(std::span(steps_))};
    writer_.begin_dict();
    writer_.text("network_weights");
    writer_.state_dict(std::vector{matrix, flags, twin, nothing});
    writer_.text("optimizer_state");
    writer_.begin_dict();
    writer_.integer(7);
    writer_.tensor(step);
    writer_.end_dict();
    writer_.text("log");
    writer_.json(log_);
    writer_.end_dict();
    writer_.write(file);
  }

  std::vector<float> floats_{0.5f, -1, 3e38f, 1e-40f, 0, -0.f};
  std::vector<std::uint8_t> bytes_{1, 0, 1};
  std::vector<std::int64_t> steps_{INT64_MIN};
  Json log_ = {{"loss", {0.25, -1e300}},
               {"big", 1LL << 40},
               {"minus", -3},
               {"none", nullptr},
               {"yes", true},
               {"no", false},
               {"größe", "ü\n\"x\""},
               {"empty", Json::object()}};
  PthWriter writer_;
};

TEST_F(WrittenPth, IsReadBack) {
  const NamedArrays read = open_weights(file);
  EXPECT_EQ(values_of<float>(*read.find("network_weights.a.weight")), floats_);
  EXPECT_EQ(values_of<std::uint8_t>(*read.find("network_weights.flags")), bytes_);
  EXPECT_EQ(read.find("network_weights.a.weight")->bytes.data(),
            read.find("network_weights.b.weight")->bytes.data());
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(read.find("network_weights.a.weight")->bytes.data()) % 64, 0u);
  EXPECT_THAT(read.find("network_weights.none")->shape, ElementsAre(4, 0));
  EXPECT_THAT(read.find("optimizer_state.7")->shape, IsEmpty());
  EXPECT_EQ(values_of<std::int64_t>(*read.find("optimizer_state.7")), steps_);
  EXPECT_EQ(parse_json(read.metadata().at(kPickleKey), "record"), Json({{"log", log_}}));
}

TEST_F(WrittenPth, IsReadByPyTorch) {
  SEG_RUN_PYTHON(kScript, "check " + file.string() + " " + (folder / "contents.json").string());
  const Json read = read_json(folder / "contents.json");
  EXPECT_EQ(read["log"], log_);
  const Json& weights = read["network_weights"];
  ASSERT_EQ(weights.size(), 4u);
  EXPECT_EQ(weights["a.weight"]["shape"], Json({2, 3}));
  EXPECT_EQ(weights["a.weight"]["values"].get<std::vector<float>>(), floats_);
  EXPECT_EQ(weights["b.weight"], weights["a.weight"]);
  EXPECT_EQ(weights["flags"], Json({{"dtype", "bool"}, {"shape", {3}}, {"values", {1.0, 0.0, 1.0}}}));
  EXPECT_EQ(weights["none"]["shape"], Json({4, 0}));
  EXPECT_EQ(read["optimizer_state"]["int:7"]["dtype"], "int64");
  EXPECT_EQ(read["optimizer_state"]["int:7"]["shape"], Json::array());
}

TEST_F(WrittenPth, RefusesTruncations) {
  const std::string good = read_text(file);
  for (std::size_t length = 0; length < good.size(); length += kStride) complaint(good.substr(0, length));
}

// A flipped bit may hit a field nobody reads; it must never give other values.
TEST_F(WrittenPth, NeverReadsOtherValuesFromADamagedFile) {
  const std::string good = read_text(file);
  int refused = 0;
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 << i % 8));
    std::ofstream(file, std::ios::binary) << bad;
    try {
      const PthFile read(file);
      ASSERT_EQ(read.tensors().size(), 5u);
      EXPECT_EQ(values_of<float>(*read.find("network_weights.b.weight")), floats_) << "byte " << i;
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 700);
}

/// A zip file around this pickle and one storage "0" of zeros.
class CraftedPth : public Pth {
 protected:
  std::string complaint_of_pickle(const std::string& pickle, std::size_t storage = 16) {
    const std::vector<std::byte> zeros(storage);
    write_zip(file, std::vector<ZipContent>{{"m/data.pkl", {std::as_bytes(std::span(pickle))}},
                                            {"m/data/0", {zeros}}});
    return complaint(read_text(file));
  }
  /// A tensor "t" of int32 values (or another storage), with these fields as pickle opcodes.
  std::string tensor(const std::string& offset, const std::string& shape, const std::string& strides,
                     const std::string& count = "K\4", const std::string& type = "IntStorage") {
    return "\x80\2}U\1tctorch._utils\n_rebuild_tensor_v2\n((U\7storagectorch\n" + type +
           "\nU\1"
           "0U\3cpu" +
           count + "tQ" + offset + shape + strides + "\x89}tRs.";
  }
};

TEST_F(CraftedPth, RefusesTensorsThatLeaveTheirStorage) {
  const std::string zero("K\0", 2), one("K\1"), two("K\2");
  const std::string huge("\x8a\x08\0\0\0\0\0\0\0\x10", 10);  // 2^60
  EXPECT_THAT(complaint_of_pickle(tensor(one, "K\4\x85", one + "\x85")),
              AllOf(HasSubstr("> t > "), HasSubstr("needs 5 stored values, there are 4")));
  EXPECT_THAT(complaint_of_pickle(tensor(zero, huge + "\x85", one + "\x85")), HasSubstr("too large"));
  EXPECT_THAT(complaint_of_pickle(tensor(zero, two + "\x85", huge + "\x85")),
              HasSubstr("needs 1152921504606846977"));
  EXPECT_THAT(complaint_of_pickle(tensor(huge, two + "\x85", one + "\x85")),
              HasSubstr("stored values, there are 4"));
  EXPECT_THAT(complaint_of_pickle(tensor(zero, two + "\x85", ")")), HasSubstr("is no tensor"));
  EXPECT_THAT(complaint_of_pickle(tensor("J\xff\xff\xff\xff", two + "\x85", one + "\x85")),
              HasSubstr("no place"));
  EXPECT_THAT(complaint_of_pickle(tensor(zero, two + "\x85", "J\xff\xff\xff\xff\x85")),
              HasSubstr("leaves its storage"));
  EXPECT_THAT(complaint_of_pickle(tensor(zero, "J\xff\xff\xff\xff\x85", one + "\x85")),
              HasSubstr("negative size"));
  EXPECT_THAT(complaint_of_pickle(tensor(zero, two + "\x85", one + "\x85", huge)),
              HasSubstr("the file has 16 bytes"));
  EXPECT_THAT(complaint_of_pickle(tensor(zero, two + "\x85", one + "\x85", "K\4", "QInt8Storage")),
              HasSubstr("type QInt8"));
  // One stored value, seen 2^30 times.
  EXPECT_THAT(complaint_of_pickle(tensor(zero, std::string("J\0\0\0\x40\x85", 6), zero + "\x85")),
              HasSubstr("far more memory"));
  testing::expect_little_memory();
}

TEST_F(CraftedPth, RefusesRecordsWithoutEnd) {
  EXPECT_THAT(complaint_of_pickle("\x80\2}q\1U\1ah\1s."), HasSubstr("deeper than 64 levels"));
  // A list of ten times the list before: 10^30 values.
  std::string laughs = "\x80\2]";
  for (int level = 0; level < 30; ++level)
    laughs += "q" + std::string(1, static_cast<char>(level)) + "](" + [&] {
      std::string ten;
      for (int i = 0; i < 10; ++i) ten += "h" + std::string(1, static_cast<char>(level));
      return ten;
    }() + "e";
  EXPECT_THAT(complaint_of_pickle(laughs + "."), HasSubstr("repeated too often"));
  testing::expect_little_memory();
}

TEST_F(CraftedPth, RefusesOtherArchives) {
  const std::string text = "x";
  const auto archive = [&](const std::vector<std::string>& names) {
    std::vector<ZipContent> contents;
    for (const auto& name : names) contents.push_back({name, {std::as_bytes(std::span(text))}});
    write_zip(file, contents);
    return complaint(read_text(file));
  };
  EXPECT_THAT(archive({"a.npy"}), HasSubstr("no entry data.pkl"));
  EXPECT_THAT(archive({"a/data.pkl", "b/data.pkl"}), HasSubstr("two entries"));
  EXPECT_THAT(archive({"a/data.pkl", "a/byteorder"}), HasSubstr("neither little nor big"));
  EXPECT_THAT(archive({"a/data.pkl", "a/data/0", "a/data/0"}), HasSubstr("stands twice"));
  EXPECT_THAT(complaint("\x80\2K\1."), HasSubstr("not a file of torch.save"));
  std::ofstream(file) << "nothing of this kind";
  EXPECT_THAT(error_of([&] { open_weights(file); }),
              AllOf(HasSubstr("model.pth"), HasSubstr("no file of weights")));
}

}  // namespace
}  // namespace seg
