// From raw images to labels: preprocessing, sliding window and export together, against the reference's
// segmentations of the anisotropic sets.
#include <gtest/gtest.h>

#include <functional>
#include <numeric>

#include "base/json.h"
#include "image/image_io.h"
#include "infer/export.h"
#include "infer/sliding_window.h"
#include "support/export_whole.h"
#include "support/goldens.h"
#include "support/linear_net.h"
#include "support/tolerances.h"

namespace seg {
namespace {

using testing::kPipeline;
using testing::kSlidingWindow;
using testing::shared_folder;

/// The goldens' 3-D toy network, one 3x3x3 convolution, with a sliding window written out plainly: the
/// program itself is 2-D, its export is not.
struct VolumeNet {
  std::vector<std::vector<std::vector<std::vector<std::vector<double>>>>>
      weight;  // [class, channel, z, y, x]
  std::vector<double> bias;

  /// Adds weight * logits of the tile at `start` to `sum`; outside the tile all is zero for the network.
  void add_tile(const Image& image, const Shape3& start, const Shape3& patch,
                const std::array<std::vector<double>, 3>& bells, std::vector<double>& sum) const {
    const auto inside = [&](int axis, std::int64_t i) { return i >= 0 && i < patch[axis]; };
    const auto volume = static_cast<std::size_t>(image.voxels());
    for (std::int64_t z = 0; z < patch[0]; ++z)
      for (std::int64_t y = 0; y < patch[1]; ++y)
        for (std::int64_t x = 0; x < patch[2]; ++x) {
          const double importance = bells[0][z] * bells[1][y] * bells[2][x];
          const auto at = static_cast<std::size_t>(image.index(0, start[0] + z, start[1] + y, start[2] + x));
          for (std::size_t k = 0; k < bias.size(); ++k) {
            double logit = bias[k];
            for (std::int64_t c = 0; c < image.channels(); ++c)
              for (int tap = 0; tap < 27; ++tap) {
                const std::int64_t dz = z + tap / 9 - 1, dy = y + tap / 3 % 3 - 1, dx = x + tap % 3 - 1;
                if (!inside(0, dz) || !inside(1, dy) || !inside(2, dx)) continue;
                logit += weight[k][static_cast<std::size_t>(c)][tap / 9][tap / 3 % 3][tap % 3] *
                         image.at(c, start[0] + dz, start[1] + dy, start[2] + dx);
              }
            sum[k * volume + at] += importance * logit;
          }
          sum[bias.size() * volume + at] += importance;
        }
  }

  /// Logits [classes, z, y, x], with zeros around an image that is smaller than the patch.
  Image predict(const Image& image, const Shape3& patch) const {
    Shape3 size{}, before{};
    for (int axis = 0; axis < 3; ++axis) {
      size[axis] = std::max(image.space()[axis], patch[axis]);
      before[axis] = (size[axis] - image.space()[axis]) / 2;
    }
    Image padded({image.channels(), size[0], size[1], size[2]});
    copy_box(image, {0, 0, 0}, padded, before, image.space());
    const Image logits = predict_padded(padded, patch);
    Image cropped({logits.channels(), image.shape[1], image.shape[2], image.shape[3]});
    copy_box(logits, before, cropped, {0, 0, 0}, image.space());
    return cropped;
  }

  static void copy_box(const Image& from, const Shape3& from_start, Image& to, const Shape3& to_start,
                       const Shape3& size) {
    for (std::int64_t c = 0; c < from.channels(); ++c)
      for (std::int64_t z = 0; z < size[0]; ++z)
        for (std::int64_t y = 0; y < size[1]; ++y)
          std::copy_n(&from.at(c, from_start[0] + z, from_start[1] + y, from_start[2]), size[2],
                      &to.at(c, to_start[0] + z, to_start[1] + y, to_start[2]));
  }

  Image predict_padded(const Image& image, const Shape3& patch) const {
    std::array<std::vector<double>, 3> bells;
    std::array<std::vector<std::int64_t>, 3> starts;
    for (int axis = 0; axis < 3; ++axis) {
      starts[axis] = tile_starts(image.space()[axis], patch[axis], 0.5);
      for (std::int64_t i = 0; i < patch[axis]; ++i) {
        const double sigmas =
            static_cast<double>(i - patch[axis] / 2) / (static_cast<double>(patch[axis]) / 8);
        bells[axis].push_back(std::exp(-0.5 * sigmas * sigmas));
      }
    }
    std::vector<double> sum((bias.size() + 1) * static_cast<std::size_t>(image.voxels()));
    for (const auto z : starts[0])
      for (const auto y : starts[1])
        for (const auto x : starts[2]) add_tile(image, {z, y, x}, patch, bells, sum);
    Image logits({static_cast<std::int64_t>(bias.size()), image.shape[1], image.shape[2], image.shape[3]});
    const auto volume = static_cast<std::size_t>(image.voxels());
    for (std::size_t i = 0; i < logits.data.size(); ++i)
      logits.data[i] = static_cast<float>(sum[i] / sum[bias.size() * volume + i % volume]);
    return logits;
  }
};

class RawToLabels : public ::testing::TestWithParam<std::tuple<std::string, std::string, std::string>> {};

TEST_P(RawToLabels, AgreesWithTheReference) {
  SEG_REQUIRE_SHARED(kSlidingWindow);
  const auto& [set, id, name] = GetParam();
  const fs::path root = shared_folder() / kPipeline / set, goldens = shared_folder() / kSlidingWindow;
  const std::string golden = set + "__" + id + "__" + name;
  const DatasetInfo info = parse_dataset_info(read_json(root / "raw/dataset.json"), set, set);
  const Plan plan = plan_from_json(read_json(root / "nnUNetPlans.json"), set);
  const Configuration& configuration = plan.configuration(name);
  const bool test_case = id.starts_with("test");
  Case files{id, {}, test_case ? fs::path() : root / "raw/labelsTr" / (id + ".nii.gz")};
  for (std::size_t c = 0; c < info.channel_names.size(); ++c)
    files.images.push_back(root / "raw" / (test_case ? "imagesTs" : "imagesTr") /
                           fmt::format("{}_{:04}.nii.gz", id, c));
  const auto prepared = preprocess_case(files, plan, configuration, info);

  const Json manifest = get<Json>(read_json(goldens / "manifest.json"), golden);
  EXPECT_EQ(prepared.data.shape, get<Shape4>(manifest, "shape_data"));
  EXPECT_EQ(prepared.properties.bbox, get<decltype(prepared.properties.bbox)>(manifest, "bbox"));
  EXPECT_EQ(prepared.properties.spacing, get<Vec3>(manifest, "spacing"));
  const auto patch = get<std::vector<std::int64_t>>(manifest, "patch");
  const fs::path net_file = goldens / ("net_" + set + "_" + name + ".json");
  Image logits;
  if (name == "2d") {
    const auto net = testing::LinearNet::read(net_file);
    const bool mirror = !manifest["mirror_axes"].is_null();
    logits =
        predict_sliding_window(prepared.data, {{patch[0], patch[1]}, 0.5, mirror, 4, net.classes()}, net);
  } else {
    const Json json = read_json(net_file);
    const VolumeNet net{get<decltype(VolumeNet::weight)>(json, "weight"),
                        get<std::vector<double>>(json, "bias")};
    logits = net.predict(prepared.data, {patch[0], patch[1], patch[2]});
  }
  EXPECT_EQ(logits.shape, get<Shape4>(manifest, "shape_logits"));

  const Labels got = testing::export_whole(logits, prepared.properties, plan, configuration, info).labels;
  const Labels expected = read_labels(goldens / (golden + "__seg.nii.gz")).voxels;
  ASSERT_EQ(got.shape, expected.shape);
  EXPECT_EQ(got.space(), get<Shape3>(manifest, "seg_shape_zyx"));
  std::int64_t different = 0;
  std::vector<std::int64_t> counts(manifest["seg_label_counts_fp16"].size());
  for (std::size_t i = 0; i < got.data.size(); ++i) {
    different += got.data[i] != expected.data[i];
    ++counts.at(static_cast<std::size_t>(expected.data[i]));
  }
  EXPECT_EQ(counts, get<std::vector<std::int64_t>>(manifest, "seg_label_counts_fp16"));
  RecordProperty("voxels_different", std::to_string(different));
  const double share = name == "2d" ? testing::kSegmentation2dShare : testing::kSegmentation3dShare;
  EXPECT_LE(static_cast<double>(different), share * static_cast<double>(expected.count()));
}

INSTANTIATE_TEST_SUITE_P(Goldens, RawToLabels,
                         ::testing::Combine(::testing::Values("aniso_A", "aniso_B", "aniso_C"),
                                            ::testing::Values("case_01", "case_02", "case_03", "test_06"),
                                            ::testing::Values("2d", "3d_fullres")),
                         [](const auto& row) {
                           return std::get<0>(row.param) + "_" + std::get<1>(row.param) + "_" +
                                  std::get<2>(row.param);
                         });

}  // namespace
}  // namespace seg
