// The data pipeline on made-up data of the sizes that nnU-Net was timed with.
#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <fstream>

#include "base/error.h"
#include "base/memory.h"
#include "base/rng.h"
#include "base/threads.h"
#include "data/class_locations.h"
#include "data/loader.h"
#include "data/preprocess.h"
#include "evaluation_bench.h"
#include "image/image_io.h"
#include "image/resample.h"
#include "infer/export.h"
#include "targets.h"

namespace seg::bench {
namespace {

constexpr double kShare = 0.2;  // of the reference's CPU seconds
constexpr double kVolumes = 3;  // of memory

/// A folder that is removed at the end.
struct Scratch {
  fs::path path = fs::temp_directory_path() / fmt::format("seg-bench-{}", ::getpid());
  Scratch() { make_folder(path); }
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
};

/// A smooth image with noise.
Image made_image(const Shape4& shape) {
  Image image(shape);
  Rng rng(1);
  std::size_t at = 0;
  for (std::int64_t i = 0; i < shape[0] * shape[1] * shape[2]; ++i) {
    const double level = 400 + 200 * std::sin(0.05 * static_cast<double>(i % shape[2]));
    for (std::int64_t x = 0; x < shape[3]; ++x) {
      image.data[at++] = static_cast<float>(
          std::round(level + 100 * std::sin(0.07 * static_cast<double>(x)) + 40 * rng.uniform()));
    }
  }
  return image;
}

/// `classes` ellipsoids of labels 1, 2, ... spread over the volume.
Labels made_labels(const Shape3& size, int classes) {
  Labels labels({1, size[0], size[1], size[2]});
  Rng rng(2);
  for (int label = 1; label <= classes; ++label) {
    Vec3 centre{}, radius{};
    for (int axis = 0; axis < 3; ++axis) {
      centre[axis] = rng.uniform(0.2, 0.8) * static_cast<double>(size[axis]);
      radius[axis] = std::max(rng.uniform(0.08, 0.25) * static_cast<double>(size[axis]), 1.0);
    }
    const auto distance = [&](int axis, std::int64_t i) {
      return std::pow((static_cast<double>(i) - centre[axis]) / radius[axis], 2);
    };
    for (std::int64_t z = 0; z < size[0]; ++z) {
      for (std::int64_t y = 0; y < size[1]; ++y) {
        const double left = 1 - distance(0, z) - distance(1, y);
        if (left <= 0) continue;
        for (std::int64_t x = 0; x < size[2]; ++x) {
          if (distance(2, x) < left) labels.at(0, z, y, x) = label;
        }
      }
    }
  }
  return labels;
}

DatasetInfo made_info(int classes) {
  DatasetInfo info{"Dataset001_Bench", {"MRI"}, {{"background", {0}}}, {}, ".nii.gz", 1};
  for (int label = 1; label <= classes; ++label) info.labels.push_back({fmt::format("c{}", label), {label}});
  return info;
}

/// 2d plans that resample the plane to `spacing`.
Plan made_plan(double spacing) {
  Configuration configuration;
  configuration.patch_size = {320, 320};
  configuration.spacing = {spacing, spacing};
  configuration.normalization = {Normalization::zscore};
  configuration.use_mask_for_norm = {false};
  Plan plan;
  plan.configurations = {configuration};
  plan.intensities.resize(1);
  return plan;
}

Case write_case(const fs::path& folder, const Shape3& size, int classes, const Vec3& spacing) {
  Geometry geometry;
  geometry.spacing = spacing;
  const Case files{"case", {folder / "case_0000.nii.gz"}, folder / "case.nii.gz"};
  write_image(files.images[0], made_image({1, size[0], size[1], size[2]}), geometry);
  write_labels(files.label, made_labels(size, classes), geometry);
  return files;
}

double preprocessing_seconds(const fs::path& folder) {
  const Case files = write_case(folder, {36, 50, 35}, 2, {1, 1, 1});
  const Plan plan = made_plan(1);
  const DatasetInfo info = made_info(2);
  return best_cpu_seconds(
      15, [&] { store_case(folder, files.id, preprocess_case(files, plan, plan.configurations[0], info)); });
}

double batch_seconds(const fs::path& folder) {
  const DatasetInfo info = made_info(13);
  PreprocessedCase stored;
  stored.data = made_image({1, 40, 420, 420});
  stored.seg = made_labels({40, 420, 420}, 13);
  stored.class_locations = find_class_locations(stored.seg, info);
  store_case(folder, "volume", stored);

  LoaderConfig config;
  config.batch_size = 12;
  config.patch_size = {320, 320};
  config.queue_length = 1;
  constexpr int kBatches = 20;  // they differ: the mean counts
  const Plan plan = made_plan(1);
  return best_cpu_seconds(3,
                          [&] {
                            Loader loader(folder, {"volume"}, info, plan.configurations[0], config);
                            for (int i = 0; i < kBatches; ++i) loader.next();
                          }) /
         kBatches;
}

/// Peak of what `body` holds at once beyond what is held now, in bytes.
template <class Body>
double peak_bytes(Body body) {
  release_free_memory();
  std::ofstream("/proc/self/clear_refs") << "5";  // the peak starts anew at what is held now
  const auto kib = [](const std::string& key) {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
      if (word != key) continue;
      double value = 0;
      status >> value;
      return value;
    }
    fail("/proc/self/status has no {}", key);
  };
  const double before = kib("VmRSS:");
  body();
  return (kib("VmHWM:") - before) * 1024;
}

/// Preprocessing 80x400x400 voxels to 1.25 times the spacing, as multiples of the image in float32.
double preprocessing_volumes(const fs::path& folder) {
  const Shape3 size{80, 400, 400};
  const Case files = write_case(folder, size, 13, {1, 1, 1});
  const Plan plan = made_plan(1.25);
  const DatasetInfo info = made_info(13);
  const double bytes = peak_bytes([&] { preprocess_case(files, plan, plan.configurations[0], info); });
  return bytes / static_cast<double>(sizeof(float) * size[0] * size[1] * size[2]);
}

/// Export of 14 classes, beside the logits that the network left: labels and what resampling needs.
double export_volumes() {
  const Shape3 size{80, 400, 400};
  const Plan plan = made_plan(1.25);
  const DatasetInfo info = made_info(13);
  CaseProperties properties;
  properties.shape_before_cropping = properties.shape_after_cropping = size;
  for (int axis = 0; axis < 3; ++axis) properties.bbox[axis] = {0, size[axis]};
  const Image logits = made_image({14, 80, 320, 320});
  const double bytes =
      peak_bytes([&] { export_prediction(logits, properties, plan, plan.configurations[0], info); });
  return bytes / static_cast<double>(sizeof(float) * size[0] * size[1] * size[2]);
}

}  // namespace

std::vector<Target> pipeline_targets() {
  set_thread_count(1);
  const Scratch scratch;
  std::vector<Target> rows;
  const auto add_seconds = [&](const char* what, double reference, double ours) {
    rows.push_back({what, "s", reference, ours, kShare * reference});
  };
  add_seconds("preprocess a hippocampus case, files included", 0.042, preprocessing_seconds(scratch.path));
  add_seconds("augmented batch 12x1x320x320 of 40x420x420, 14 labels", 0.70, batch_seconds(scratch.path));
  {
    const Image image = made_image({1, 100, 512, 512});
    add_seconds("resample 100x512x512 to 67x341x341, cubic", 4.8, best_cpu_seconds(3, [&] {
                  resample_image(image, {67, 341, 341}, Interpolation::cubic);
                }));
    const Labels labels = made_labels(image.space(), 13);
    add_seconds("the same of a segmentation, 14 labels, slice by slice", 6.8, best_cpu_seconds(3, [&] {
                  resample_labels(labels, {67, 341, 341}, 0);
                }));
  }
  add_seconds("evaluate a folder of one case 80x320x320, 13 labels", 0.65,
              best_cpu_seconds(3, evaluate_folder));
  add_seconds("NSD of the same", 1.07, best_cpu_seconds(3, nsd));
  add_seconds("instance F1 of 1024x1024 with 500 cells", 0.28, best_cpu_seconds(3, instance_f1));
  rows.push_back(
      {"memory of preprocessing, in volumes", "", 3, preprocessing_volumes(scratch.path), kVolumes});
  rows.push_back({"memory of export beside the logits, in volumes", "", 3, export_volumes(), kVolumes});
  return rows;
}

}  // namespace seg::bench
