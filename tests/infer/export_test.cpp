#include "infer/export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <optional>

#include "base/json.h"
#include "base/memory.h"
#include "base/rng.h"
#include "image/image_io.h"
#include "image/resample.h"
#include "infer/sliding_window.h"
#include "support/errors.h"
#include "support/export_whole.h"
#include "support/golden_arrays.h"
#include "support/linear_net.h"
#include "support/tolerances.h"

namespace seg {
namespace {

using testing::error_of;
using testing::golden_image;
using testing::kPipeline;
using testing::kSlidingWindow;
using testing::shared_folder;

/// The few entries of a golden plan that export needs.
Plan read_plan(const fs::path& path, const std::string& configuration) {
  const Json json = read_json(shared_folder() / path);
  Plan plan;
  plan.transpose_backward = get<std::array<int, 3>>(json, "transpose_backward");
  plan.configurations.emplace_back().name = configuration;
  plan.configurations[0].spacing = get<std::vector<double>>(json["configurations"][configuration], "spacing");
  return plan;
}

CaseProperties read_properties(const fs::path& path) {
  const Json json = read_json(shared_folder() / path);
  CaseProperties properties;
  properties.spacing = get<Vec3>(json, "spacing");
  properties.shape_before_cropping = get<Shape3>(json, "shape_before_cropping");
  properties.shape_after_cropping = get<Shape3>(json, "shape_after_cropping_and_before_resampling");
  properties.bbox = get<decltype(properties.bbox)>(json, "bbox_used_for_cropping");
  return properties;
}

DatasetInfo read_info(const fs::path& path) {
  return parse_dataset_info(read_json(shared_folder() / path), "golden", path.string());
}

std::vector<std::int64_t> label_counts(const Labels& labels, std::size_t values) {
  std::vector<std::int64_t> counts(values);
  for (const auto value : labels.data) ++counts.at(static_cast<std::size_t>(value));
  return counts;
}

std::int64_t voxels_different(const Labels& a, const Labels& b) {
  EXPECT_EQ(a.shape, b.shape);
  std::int64_t count = 0;
  for (std::size_t i = 0; i < std::min(a.data.size(), b.data.size()); ++i) count += a.data[i] != b.data[i];
  return count;
}

/// Logits between voxels by the definition, one at a time.
class PlainResampling {
 public:
  PlainResampling(const Image& logits, const Shape3& size, std::optional<int> separate)
      : logits_(logits), size_(size), separate_(separate) {}

  double at(std::int64_t channel, const Shape3& place) const {
    std::array<std::int64_t, 3> lower{}, upper{};
    std::array<double, 3> share{};  // of the upper neighbour
    for (int axis = 0; axis < 3; ++axis) {
      const auto from = static_cast<double>(logits_.space()[axis]);
      const double position =
          std::clamp((static_cast<double>(place[axis]) + 0.5) * from / static_cast<double>(size_[axis]) - 0.5,
                     0.0, from - 1);
      const double start = separate_ == axis ? std::floor(position + 0.5) : std::floor(position);
      lower[axis] = static_cast<std::int64_t>(start);
      share[axis] = separate_ == axis ? 0 : position - start;
      upper[axis] = std::min(lower[axis] + 1, logits_.space()[axis] - 1);
    }
    double sum = 0;
    for (unsigned corner = 0; corner < 8; ++corner) {
      const auto pick = [&](int axis) { return (corner >> axis & 1U) != 0 ? upper[axis] : lower[axis]; };
      double weight = 1;
      for (int axis = 0; axis < 3; ++axis)
        weight *= (corner >> axis & 1U) != 0 ? share[axis] : 1 - share[axis];
      sum += weight * logits_.at(channel, pick(0), pick(1), pick(2));
    }
    return sum;
  }

 private:
  const Image& logits_;
  Shape3 size_;
  std::optional<int> separate_;
};

/// The float16 numbers that a logit may be rounded to: the nearest, or both neighbours where it lies halfway
/// between them as far as float32 can tell.
std::vector<double> halves_of(double value) {
  const double step = value == 0 ? 1 : testing::half_step(std::abs(value)), steps = value / step;
  const double lower = std::floor(steps), rest = steps - lower;
  if (std::abs(rest - 0.5) <= testing::kHalfwaySteps) return {lower * step, (lower + 1) * step};
  return {(rest < 0.5 ? lower : lower + 1) * step};
}

/// softmax, or sigmoid for regions.
std::vector<double> probabilities_of(const std::vector<double>& logits, bool regions) {
  std::vector<double> values;
  double sum = 0;
  for (const double logit : logits) sum += std::exp(logit);
  for (const double logit : logits)
    values.push_back(regions ? 1 / (1 + std::exp(-logit)) : std::exp(logit) / sum);
  return values;
}

/// A case with a preprocessed golden: where its files lie.
struct GoldenCase {
  std::string dataset;        // folder below pipeline/
  std::string preprocessed;   // folder, case and configuration below that, without ending
  std::string configuration;  // 2d or 3d_fullres
  std::string segmentation;   // file in sliding_window/
  std::string net;            // its 2-D network
  std::array<std::int64_t, 2> patch{32, 24};

  fs::path plan() const { return kPipeline / dataset / "nnUNetPlans.json"; }
  fs::path info() const {
    const fs::path beside = kPipeline / dataset / "dataset.json";
    if (fs::exists(shared_folder() / beside)) return beside;
    const fs::path parent = kPipeline / fs::path(dataset).parent_path() / "dataset.json";
    if (fs::exists(shared_folder() / parent)) return parent;
    return kPipeline / dataset / "raw/dataset.json";
  }
  Labels expected() const { return read_labels(shared_folder() / kSlidingWindow / segmentation).voxels; }
  CaseProperties properties() const {
    return read_properties(kPipeline / dataset / (preprocessed + ".json"));
  }
  Prediction exported(const Image& logits) const {
    const Plan golden_plan = read_plan(plan(), configuration);
    return testing::export_whole(logits, properties(), golden_plan, golden_plan.configurations[0],
                                 read_info(info()), true);
  }
};

/// The probabilities of every voxel are those of its resampled logits, rounded to float16. Where a logit lies
/// halfway between two of those, the last bit of a sum decides, and either is right; nowhere else.
class ExpectedProbabilities {
 public:
  ExpectedProbabilities(const GoldenCase& golden, const Image& logits)
      : properties_(golden.properties()),
        plan_(read_plan(golden.plan(), golden.configuration)),
        regions_(read_info(golden.info()).has_regions()),
        channels_(logits.channels()),
        resampling_(logits, properties_.shape_after_cropping, separate()) {}

  void check(const Image& probabilities, const std::string& whose) const {
    const auto& size = properties_.shape_after_cropping;
    std::int64_t wrong = 0, halfway = 0;
    for (std::int64_t z = 0; z < size[0]; ++z) {
      for (std::int64_t y = 0; y < size[1]; ++y) {
        for (std::int64_t x = 0; x < size[2]; ++x) {
          std::vector<std::vector<double>> choices;
          for (std::int64_t c = 0; c < channels_; ++c)
            choices.push_back(halves_of(resampling_.at(c, {z, y, x})));
          halfway += std::ranges::any_of(choices, [](const auto& both) { return both.size() > 1; });
          wrong += !fits(probabilities, original({z, y, x}), choices);
        }
      }
    }
    ::testing::Test::RecordProperty("halfway", std::to_string(halfway));
    EXPECT_EQ(wrong, 0) << whose;
  }

 private:
  /// The axis of nearest neighbours; the new spacing stands in the original order, as the reference has it.
  std::optional<int> separate() const {
    const auto& spacing = plan_.configurations[0].spacing;
    return spacing.size() == 2
               ? separate_axis({properties_.spacing[0], spacing[0], spacing[1]}, properties_.spacing)
               : separate_axis({spacing[0], spacing[1], spacing[2]}, properties_.spacing);
  }
  Shape3 original(const Shape3& in_crop) const {
    Shape3 place{};
    for (int axis = 0; axis < 3; ++axis) {
      const int from = plan_.transpose_backward[axis];
      place[axis] = in_crop[from] + properties_.bbox[from][0];
    }
    return place;
  }
  /// Whether one way to round the logits gives the probabilities at a place.
  bool fits(const Image& probabilities, const Shape3& at,
            const std::vector<std::vector<double>>& choices) const {
    std::size_t ways = 1;
    for (const auto& both : choices) ways *= both.size();
    for (std::size_t way = 0; way < ways; ++way) {
      std::vector<double> logits;
      std::size_t rest = way;
      for (const auto& both : choices) {
        logits.push_back(both[rest % both.size()]);
        rest /= both.size();
      }
      const auto values = probabilities_of(logits, regions_);
      double worst = 0;
      for (std::int64_t c = 0; c < channels_; ++c)
        worst = std::max(
            worst, std::abs(values[static_cast<std::size_t>(c)] - probabilities.at(c, at[0], at[1], at[2])));
      if (worst <= testing::kProbability) return true;
    }
    return false;
  }

  CaseProperties properties_;
  Plan plan_;
  bool regions_;
  std::int64_t channels_;
  PlainResampling resampling_;
};

/// Both ours and the golden's probabilities; outside the crop they are equal.
void expect_probabilities(const GoldenCase& golden, const Image& logits, const Image& got,
                          const Image& expected) {
  ASSERT_EQ(got.shape, expected.shape);
  const ExpectedProbabilities probabilities(golden, logits);
  probabilities.check(expected, "the reference");
  probabilities.check(got, "ours");
}

GoldenCase aniso_case(const std::string& set, const std::string& id, const std::string& configuration) {
  return {set, "preprocessed/" + id + "__" + configuration, configuration,
          set + "__" + id + "__" + configuration + "__seg.nii.gz", "net_" + set + "_2d.json"};
}

class ExportAniso : public ::testing::TestWithParam<std::tuple<std::string, std::string>> {};

TEST_P(ExportAniso, EqualsTheReferenceOnItsLogits) {
  SEG_REQUIRE_SHARED(kSlidingWindow);
  const auto& [set, configuration] = GetParam();
  const GoldenCase golden = aniso_case(set, "test_06", configuration);
  const Image logits =
      golden_image(kSlidingWindow / (set + "__test_06__" + configuration + ".npz"), "logits_fp16acc");
  const Prediction got = golden.exported(logits);
  EXPECT_EQ(voxels_different(got.labels, golden.expected()), 0);
  const Image expected =
      golden_image(kSlidingWindow / (set + "__test_06__" + configuration + ".npz"), "probabilities");
  expect_probabilities(golden, logits, got.probabilities, expected);
}

INSTANTIATE_TEST_SUITE_P(Goldens, ExportAniso,
                         ::testing::Combine(::testing::Values("aniso_A", "aniso_B", "aniso_C"),
                                            ::testing::Values("2d", "3d_fullres")),
                         [](const auto& row) {
                           return std::get<0>(row.param) + "_" + std::get<1>(row.param);
                         });

TEST(ExportLabels, EqualsTheReferenceOnItsHippocampusLogits) {
  SEG_REQUIRE_SHARED(kSlidingWindow);
  const GoldenCase golden{"hippocampus", "preprocessed_2d/hippocampus_019__2d", "2d",
                          "hippocampus_019__32x24__tta__seg.nii.gz", ""};
  const Image logits = golden_image(kSlidingWindow / "hippocampus_019__32x24__tta.npz", "logits_fp16acc");
  const Prediction got = golden.exported(logits);
  EXPECT_EQ(voxels_different(got.labels, golden.expected()), 0);
  expect_probabilities(
      golden, logits, got.probabilities,
      golden_image(kSlidingWindow / "hippocampus_019__32x24__tta__probabilities.npz", "probabilities"));
}

/// The reference's counts of labels after its float16 and float32 sums, which only some cases have images of.
class ExportHippocampusCounts : public ::testing::TestWithParam<const char*> {};

TEST_P(ExportHippocampusCounts, EqualTheReference) {
  SEG_REQUIRE_SHARED(kSlidingWindow);
  const GoldenCase golden{"hippocampus", "preprocessed_2d/hippocampus_019__2d", "2d", "", ""};
  const Json manifest = get<Json>(read_json(shared_folder() / kSlidingWindow / "manifest.json"), GetParam());
  const fs::path npz = kSlidingWindow / (std::string(GetParam()) + ".npz");
  const Labels half = golden.exported(golden_image(npz, "logits_fp16acc")).labels;
  EXPECT_EQ(label_counts(half, 3), get<std::vector<std::int64_t>>(manifest, "seg_label_counts_fp16"));

  const Image image = golden_image(kPipeline / "hippocampus/preprocessed_2d/hippocampus_019__2d.npz", "data");
  const auto net = testing::LinearNet::read(shared_folder() / kSlidingWindow / "net_hippocampus_2d.json");
  const auto patch = get<std::array<std::int64_t, 2>>(manifest, "patch");
  const bool mirror = !manifest["mirror_axes"].is_null();
  const Image logits = predict_sliding_window(image, {patch, 0.5, mirror, 4, net.classes()}, net);
  // Two float32 runs differ among themselves by less than may differ at all.
  EXPECT_NEAR(static_cast<double>(voxels_different(golden.exported(logits).labels, half)),
              get<double>(manifest, "seg_voxels_different_fp16_vs_fp32"),
              testing::kSegmentation2dShare * static_cast<double>(half.count()));
}

INSTANTIATE_TEST_SUITE_P(Goldens, ExportHippocampusCounts,
                         ::testing::Values("hippocampus_019__64x64__notta", "hippocampus_019__64x64__tta",
                                           "hippocampus_019__32x24__notta", "hippocampus_019__32x24__tta"),
                         [](const auto& row) { return std::string(row.param); });

class PredictAndExport : public ::testing::TestWithParam<GoldenCase> {};

TEST_P(PredictAndExport, AgreesWithTheReference) {
  SEG_REQUIRE_SHARED(kSlidingWindow);
  const GoldenCase& golden = GetParam();
  const Image image = golden_image(kPipeline / golden.dataset / (golden.preprocessed + ".npz"), "data");
  const auto net = testing::LinearNet::read(shared_folder() / kSlidingWindow / golden.net);
  const Image logits = predict_sliding_window(image, {golden.patch, 0.5, true, 4, net.classes()}, net);
  const Labels expected = golden.expected();
  const auto different = voxels_different(golden.exported(logits).labels, expected);
  RecordProperty("voxels_different", std::to_string(different));
  EXPECT_LE(static_cast<double>(different),
            testing::kSegmentation2dShare * static_cast<double>(expected.count()));
  if (golden.net != "net_nuclei_2d.json") return;
  const Json manifest =
      get<Json>(read_json(shared_folder() / kSlidingWindow / "manifest.json"), "nuclei_cell_00ae65c1");
  EXPECT_EQ(golden.patch, get<decltype(golden.patch)>(manifest, "patch"));
  EXPECT_EQ(image.shape, get<Shape4>(manifest, "shape_data"));
  EXPECT_EQ(label_counts(expected, 3), get<std::vector<std::int64_t>>(manifest, "seg_label_counts"));
}

INSTANTIATE_TEST_SUITE_P(Goldens, PredictAndExport,
                         ::testing::Values(GoldenCase{"hippocampus", "preprocessed_2d/hippocampus_019__2d",
                                                      "2d", "hippocampus_019__32x24__tta__seg.nii.gz",
                                                      "net_hippocampus_2d.json"},
                                           GoldenCase{"nuclei/inner_only",
                                                      "preprocessed_2d/cell_00ae65c1__2d",
                                                      "2d",
                                                      "nuclei_cell_00ae65c1__128x96__tta__seg.png",
                                                      "net_nuclei_2d.json",
                                                      {128, 96}}),
                         [](const auto& row) {
                           std::string name =
                               row.param.segmentation.substr(0, row.param.segmentation.find("__seg"));
                           std::replace_if(
                               name.begin(), name.end(), [](char c) { return !std::isalnum(c); }, '_');
                           return name;
                         });

/// A case that is neither cropped, resampled nor transposed, and its dataset of two classes.
struct PlainCase {
  explicit PlainCase(const Shape3& size) {
    properties.shape_before_cropping = properties.shape_after_cropping = size;
    for (int axis = 0; axis < 3; ++axis) properties.bbox[axis] = {0, size[axis]};
    plan.configurations.emplace_back().spacing = {1, 1};
    info.labels = {{"background", {0}}, {"a", {1}}, {"b", {2}}};
  }
  Labels exported(const Image& logits) const {
    return testing::export_whole(logits, properties, plan, plan.configurations[0], info).labels;
  }

  CaseProperties properties;
  Plan plan;
  DatasetInfo info;
};

TEST(ExportLabels, TakesTheFirstOfEqualClasses) {
  const PlainCase test({1, 1, 3});
  Image logits({3, 1, 1, 3});
  logits.data = {0, 1, -3,   //
                 0, 2, -3,   //
                 0, 2, -2};  // per class
  EXPECT_THAT(test.exported(logits).data, ::testing::ElementsAre(0, 1, 2));
}

TEST(ExportLabels, ComparesLogitsAsFloat16) {
  // 1 + 2^-12 is 1 in float16, 1 + 2^-9 is not; ties go to the even neighbour; 1e-8 is 0, 1e-7 is not.
  const PlainCase test({1, 1, 4});
  Image logits({3, 1, 1, 4});
  logits.data = {1.0f,      1.0f,      1.0f,      0.0f,   //
                 0x1.001p0, 0x1.008p0, 0x1.002p0, 1e-8f,  //
                 -1.0f,     -1.0f,     -1.0f,     1e-7f};
  EXPECT_THAT(test.exported(logits).data, ::testing::ElementsAre(0, 1, 0, 2));
}

TEST(ExportLabels, PaintsRegionsInOrder) {
  PlainCase test({1, 1, 4});
  test.info.labels = {{"background", {0}}, {"whole", {1, 2}}, {"core", {2}}};
  test.info.regions_class_order = {1, 2};
  Image logits({2, 1, 1, 4});
  logits.data = {-1, 1,  1, -1,  //
                 -1, -1, 1, 1};
  EXPECT_THAT(test.exported(logits).data, ::testing::ElementsAre(0, 1, 2, 2));
}

TEST(ExportLabels, UndoesCropAndTransposeForEveryOrderOfAxes) {
  std::array<int, 3> forward{0, 1, 2};
  do {
    // Original axis forward[i] became axis i; the crop leaves a different margin on every side.
    const Shape3 original{7, 9, 8};
    PlainCase test({1, 1, 1});
    for (int axis = 0; axis < 3; ++axis) {
      const std::int64_t size = original[forward[axis]];
      test.plan.transpose_backward[forward[axis]] = axis;
      test.properties.shape_before_cropping[axis] = size;
      test.properties.bbox[axis] = {axis, size - 2 * axis};
      test.properties.shape_after_cropping[axis] = size - 3 * axis;
    }
    const auto& box = test.properties.bbox;
    const Shape3 size = test.properties.shape_after_cropping;
    Rng rng(11);
    Image logits({3, size[0], size[1], size[2]});
    for (auto& value : logits.data) value = static_cast<float>(rng.below(100));
    const Labels labels = test.exported(logits);
    ASSERT_EQ(labels.space(), original);
    for (std::int64_t z = 0; z < original[0]; ++z) {
      for (std::int64_t y = 0; y < original[1]; ++y) {
        for (std::int64_t x = 0; x < original[2]; ++x) {
          const Shape3 at{z, y, x};
          Shape3 p{};
          bool inside = true;
          for (int axis = 0; axis < 3; ++axis) {
            p[axis] = at[forward[axis]] - box[axis][0];
            inside = inside && p[axis] >= 0 && p[axis] < size[axis];
          }
          int expected = 0;
          for (int c = 1; inside && c < 3; ++c) {
            if (logits.at(c, p[0], p[1], p[2]) > logits.at(expected, p[0], p[1], p[2])) expected = c;
          }
          ASSERT_EQ(labels.at(0, z, y, x), expected);
        }
      }
    }
  } while (std::next_permutation(forward.begin(), forward.end()));
}

TEST(ExportLabels, WorksInSlabsOfOneSlice) {
  // 40 classes of 700 x 700 float32 pixels are 75 MB a slice: more than a slab, so every slice is one.
  const PlainCase plain({3, 700, 700});
  PlainCase test = plain;
  for (int value = 3; value < 40; ++value) test.info.labels.push_back({fmt::format("l{}", value), {value}});
  Image logits({40, 3, 7, 7});
  Rng rng(2);
  for (auto& value : logits.data) value = static_cast<float>(rng.below(5));
  const Labels labels = test.exported(logits);
  for (std::int64_t z = 0; z < 3; ++z) {
    for (std::int64_t y = 0; y < 7; ++y) {
      for (std::int64_t x = 0; x < 7; ++x) {
        std::int32_t largest = 0;  // next to the centre of an old pixel its own class wins
        for (std::int32_t c = 1; c < 40; ++c) {
          if (logits.at(c, z, y, x) > logits.at(largest, z, y, x)) largest = c;
        }
        const std::int32_t got = labels.at(0, z, y * 100 + 50, x * 100 + 50);
        EXPECT_EQ(logits.at(got, z, y, x), logits.at(largest, z, y, x));
      }
    }
  }
}

TEST(ExportLabels, BlocksOfSlicesGiveTheSameAsTheWhole) {
  // In-plane axis 1 is resampled by nearest neighbour, axis 2 linearly; the crop lies inside the image.
  PlainCase test({5, 12, 9});
  test.properties.shape_before_cropping = {6, 14, 9};
  test.properties.bbox = {{{1, 6}, {1, 13}, {0, 9}}};
  test.properties.spacing = {1, 5, 1};
  test.plan.transpose_backward = {1, 0, 2};
  test.info.labels = {{"background", {0}}, {"whole", {1, 2}}, {"core", {2}}};
  for (const bool regions : {false, true}) {
    test.info.labels[1].values = regions ? std::vector<int>{1, 2} : std::vector<int>{1};
    test.info.regions_class_order = regions ? std::vector<int>{1, 2} : std::vector<int>{};
    Image logits({test.info.output_channels(), 5, 7, 20});
    Rng rng(4);
    for (auto& value : logits.data) value = static_cast<float>(rng.normal());
    const auto whole = testing::export_whole(logits, test.properties, test.plan, test.plan.configurations[0],
                                             test.info, true);
    for (const std::int64_t block : {1, 2, 5, 100}) {
      const auto slices = [&](std::int64_t begin, std::int64_t end) {
        Image cut({logits.channels(), end - begin, 7, 20});
        for (std::int64_t c = 0; c < cut.channels(); ++c)
          std::copy_n(&logits.at(c, begin, 0, 0), (end - begin) * 140, cut.channel(c).begin());
        return cut;
      };
      const auto got = export_in_blocks(slices, block, test.properties, test.plan,
                                        test.plan.configurations[0], test.info, true);
      EXPECT_EQ(got.labels, whole.labels);
      EXPECT_EQ(got.probabilities, whole.probabilities);
    }
  }
}

TEST(ExportLabels, MakesNoArrayOfClassesTimesVolume) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the address sanitizer holds back freed memory";
#endif
  PlainCase test({96, 256, 256});
  for (int value = 3; value < 14; ++value) test.info.labels.push_back({fmt::format("l{}", value), {value}});
  const std::int64_t block = slices_at_once(14 * 160 * 160);
  const double before = peak_memory_mib();
  const auto got = export_in_blocks(
      [](std::int64_t begin, std::int64_t end) {
        return Image({14, end - begin, 160, 160}, 0.5f);
      },
      block, test.properties, test.plan, test.plan.configurations[0], test.info);
  const double volume_mib = static_cast<double>(got.labels.count()) * sizeof(float) / (1 << 20);
  const double blocks_mib = 2 * 64;  // a block of logits, and of them resampled
  RecordProperty("mib", fmt::format("{:.0f}", peak_memory_mib() - before));
  EXPECT_LT(peak_memory_mib() - before, 3 * volume_mib + blocks_mib);
  EXPECT_LT(3 * volume_mib + blocks_mib, 14 * volume_mib);
}

TEST(ExportLabels, NamesWhatDoesNotFit) {
  PlainCase test({1, 2, 2});
  EXPECT_THAT(error_of([&] {
                test.exported(Image({2, 1, 2, 2}));
              }),
              ::testing::HasSubstr("expected 3 channels"));
  Image diverged({3, 1, 2, 2});
  diverged.data[5] = std::nanf("");
  EXPECT_THAT(error_of([&] { test.exported(diverged); }), ::testing::HasSubstr("NaN"));
  test.properties.bbox[2] = {1, 3};
  EXPECT_THAT(error_of([&] { test.exported(Image({3, 1, 2, 2})); }), ::testing::HasSubstr("axis 2"));
  test.plan.transpose_backward = {0, 0, 2};
  EXPECT_THAT(error_of([&] {
                test.exported(Image({3, 1, 2, 2}));
              }),
              ::testing::HasSubstr("transpose_backward"));
}

}  // namespace
}  // namespace seg
