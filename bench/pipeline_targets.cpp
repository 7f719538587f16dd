// The data pipeline on made-up data of the sizes that nnU-Net was timed with.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/rng.h"
#include "base/threads.h"
#include "data/class_locations.h"
#include "data/loader.h"
#include "data/preprocess.h"
#include "data/raw_case.h"
#include "evaluation_bench.h"
#include "image/image_io.h"
#include "image/resample.h"
#include "infer/export.h"
#include "targets.h"

namespace seg::bench {
namespace {

constexpr double kShare = 0.2;           // of the reference's CPU seconds
constexpr double kVolumes = 3;           // of memory
constexpr double kTwoThreads = 1 / 1.7;  // of one thread's wall seconds

/// The reference's CPU seconds: of the shared folder's timing.json, or where that is absent as copied here.
double reference_seconds(const std::string& key, double copied) {
  const char* shared = std::getenv("SEG_SHARED");
  const fs::path file = fs::path(shared != nullptr ? shared : "../shared") / "goldens/pipeline/timing.json";
  return fs::exists(file) ? get<double>(get<Json>(read_json(file), key), "median_cpu_s") : copied;
}

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

Case write_case(const fs::path& folder, const std::string& id, const Shape3& size, int classes) {
  const Geometry geometry;
  const Case files{id, {folder / (id + "_0000.nii.gz")}, folder / (id + ".nii.gz")};
  write_image(files.images[0], made_image({1, size[0], size[1], size[2]}), geometry);
  write_labels(files.label, made_labels(size, classes), geometry);
  return files;
}

double preprocessing_seconds(const fs::path& folder) {
  const Case files = write_case(folder, "case", {36, 50, 35}, 2);
  const Plan plan = made_plan(1);
  const DatasetInfo info = made_info(2);
  return best_cpu_seconds(
      15, [&] { store_case(folder, files.id, preprocess_case(files, plan, plan.configurations[0], info)); });
}

/// Augmented batches of one stored volume.
class Batches {
 public:
  explicit Batches(const fs::path& folder) : folder_(folder) {
    PreprocessedCase stored;
    stored.data = made_image({1, 40, 420, 420});
    stored.seg = made_labels({40, 420, 420}, 13);
    stored.class_locations = find_class_locations(stored.seg, info_);
    store_case(folder, "volume", stored);
  }
  void make(int count, int threads) const {
    LoaderConfig config;
    config.batch_size = 12;
    config.patch_size = {320, 320};
    config.queue_length = threads;
    config.threads = threads;
    Loader loader(folder_, {"volume"}, info_, plan_.configurations[0], config);
    for (int i = 0; i < count; ++i) loader.next();
  }

 private:
  fs::path folder_;
  DatasetInfo info_ = made_info(13);
  Plan plan_ = made_plan(1);
};

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
  const Case files = write_case(folder, "case", size, 13);
  const Plan plan = made_plan(1.25);
  const DatasetInfo info = made_info(13);
  const double bytes = peak_bytes([&] { preprocess_case(files, plan, plan.configurations[0], info); });
  return bytes / static_cast<double>(sizeof(float) * size[0] * size[1] * size[2]);
}

/// Export of 14 classes block by block, as `predict` does it, beside the block of logits: what resampling
/// needs, and the labels.
double export_volumes() {
  const Shape3 size{80, 400, 400};
  const Plan plan = made_plan(1.25);
  const DatasetInfo info = made_info(13);
  CaseProperties properties;
  properties.shape_before_cropping = properties.shape_after_cropping = size;
  for (int axis = 0; axis < 3; ++axis) properties.bbox[axis] = {0, size[axis]};
  const Image logits = made_image({14, 80, 320, 320});
  const std::int64_t block = slices_at_once(14 * 320 * 320);
  const auto slices = [&](std::int64_t begin, std::int64_t end) {
    Image cut({14, end - begin, 320, 320});
    for (std::int64_t c = 0; c < 14; ++c)
      std::copy_n(&logits.at(c, begin, 0, 0), (end - begin) * 320 * 320, cut.channel(c).begin());
    return cut;
  };
  const double bytes =
      peak_bytes([&] { export_in_blocks(slices, block, properties, plan, plan.configurations[0], info); }) -
      static_cast<double>(sizeof(float) * 14 * block * 320 * 320);
  return bytes / static_cast<double>(sizeof(float) * size[0] * size[1] * size[2]);
}

/// What a second thread saves.
void add_two_threads(std::vector<Target>& rows, const fs::path& folder, const Batches& batches) {
  const auto add = [&](const char* what, double share) { rows.push_back({what, "", 1, share, kTwoThreads}); };
  std::vector<Case> cases;
  for (int i = 0; i < 4; ++i) cases.push_back(write_case(folder, fmt::format("c{}", i), {40, 200, 200}, 13));
  const Plan plan = made_plan(1.25);
  const DatasetInfo info = made_info(13);
  add("2 threads against 1: read and preprocess 4 cases", two_thread_share(4, [&](int threads) {
        set_thread_count(threads);
        for_each_case("preprocess", cases,
                      [&](std::size_t i) { preprocess_case(cases[i], plan, plan.configurations[0], info); });
      }));
  add("2 threads against 1: 8 augmented batches",
      two_thread_share(4, [&](int threads) { batches.make(8, threads); }));
  const Image image = made_image({1, 100, 384, 384});
  add("2 threads against 1: resample, cubic", two_thread_share(4, [&](int threads) {
        set_thread_count(threads);
        resample_image(image, {67, 256, 256}, Interpolation::cubic);
      }));
  add("2 threads against 1: evaluate 4 cases", two_thread_share(4, [](int threads) {
        set_thread_count(threads);
        evaluate_four();
      }));
  set_thread_count(1);
}

}  // namespace

std::vector<Target> pipeline_targets() {
  set_quiet(true);
  set_thread_count(1);
  const Scratch scratch;
  std::vector<Target> rows;
  const auto add_seconds = [&](const char* what, const char* key, double copied, double ours) {
    const double reference = reference_seconds(key, copied);
    rows.push_back({what, "s", reference, ours, kShare * reference});
  };
  add_seconds("preprocess a hippocampus case, files included", "preprocess_2d_per_case_hippocampus_incl_npz",
              0.042, preprocessing_seconds(scratch.path));
  const Batches batches(scratch.path);
  constexpr int kBatches = 20;  // they differ: the mean counts
  add_seconds("augmented batch 12x1x320x320 of 40x420x420, 14 labels",
              "augmented_batch_12x320x320_1ch_volume_40x420x420_14labels", 0.70,
              best_cpu_seconds(3, [&] { batches.make(kBatches, 1); }) / kBatches);
  {
    const Image image = made_image({1, 100, 512, 512});
    add_seconds("resample 100x512x512 to 67x341x341, cubic",
                "resample_512x512x100_order3_all_axes_to_67x341x341", 4.8, best_cpu_seconds(3, [&] {
                  resample_image(image, {67, 341, 341}, Interpolation::cubic);
                }));
    const Labels labels = made_labels(image.space(), 13);
    add_seconds("the same of a segmentation, 14 labels, slice by slice",
                "resample_seg_14labels_512x512x100_separate_z", 6.8, best_cpu_seconds(3, [&] {
                  resample_labels(labels, {67, 341, 341}, 0);
                }));
  }
  add_seconds("evaluate a folder of one case 80x320x320, 13 labels",
              "evaluate_folder_per_case_320x320x80_13labels", 0.65, best_cpu_seconds(3, evaluate_folder));
  add_seconds("NSD of the same", "NSD_per_case_320x320x80_13organs", 1.07, best_cpu_seconds(3, nsd));
  add_seconds("instance F1 of 1024x1024 with 500 cells", "instance_F1_1024x1024_500cells", 0.28,
              best_cpu_seconds(3, instance_f1));
  rows.push_back(
      {"memory of preprocessing, in volumes", "", 3, preprocessing_volumes(scratch.path), kVolumes});
  rows.push_back(
      {"memory of export beside a block of logits, in volumes", "", 3, export_volumes(), kVolumes});
  add_two_threads(rows, scratch.path, batches);
  return rows;
}

}  // namespace seg::bench
