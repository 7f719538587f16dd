// Scoring a case: nnU-Net's summary from files, NSD, and instance F1. The argument is the number of threads.
#include "evaluation_bench.h"

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cmath>

#include "base/log.h"
#include "base/rng.h"
#include "base/threads.h"
#include "eval/label_masks.h"
#include "eval/summary.h"
#include "image/image_io.h"

namespace seg::bench {
namespace {

constexpr int kLabels = 13;
const Vec3 kSpacing{3, 1, 1};

/// Ellipsoids of different sizes, moved by a few voxels in the prediction.
Labels organs(std::int64_t moved) {
  Labels labels({1, 80, 320, 320});
  for (int label = 1; label <= kLabels; ++label) {
    const std::int64_t cy = 50 + (label - 1) / 4 * 70 + moved, cx = 45 + (label - 1) % 4 * 75 + moved;
    const std::int64_t ry = 20 + 2 * (label % 5), rx = 18 + 3 * (label % 4), rz = 12 + label;
    for (std::int64_t z = std::max<std::int64_t>(0, 40 - rz); z < std::min<std::int64_t>(80, 40 + rz); ++z) {
      for (std::int64_t y = cy - ry; y < cy + ry; ++y) {
        for (std::int64_t x = cx - rx; x < cx + rx; ++x) {
          const double dz = static_cast<double>(z - 40) / rz, dy = static_cast<double>(y - cy) / ry,
                       dx = static_cast<double>(x - cx) / rx;
          if (dz * dz + dy * dy + dx * dx < 1) labels.at(0, z, y, x) = label;
        }
      }
    }
  }
  return labels;
}

DatasetInfo organ_info() {
  DatasetInfo info;
  info.labels.push_back({"background", {0}});
  for (int label = 1; label <= kLabels; ++label)
    info.labels.push_back({"organ" + std::to_string(label), {label}});
  info.file_ending = ".nii.gz";
  return info;
}

struct OrganCase {
  Labels reference = organs(0), prediction = organs(2);
  DatasetInfo info = organ_info();
  fs::path folder = fs::temp_directory_path() / ("seg-bench-organs-" + std::to_string(::getpid()));
  std::vector<ScoredPair> files{{folder / "gt.nii.gz", folder / "pred.nii.gz"}};

  OrganCase() {
    make_folder(folder);
    write_labels(files[0].reference, reference, {3, kSpacing});
    write_labels(files[0].prediction, prediction, {3, kSpacing});
  }
  ~OrganCase() {
    std::error_code ignored;
    fs::remove_all(folder, ignored);
  }
};

const OrganCase& organ_case() {
  static const OrganCase made;
  return made;
}

struct CellPicture {
  Labels instances{{1, 1, 1024, 1024}}, classes{{1, 1, 1024, 1024}};

  CellPicture() {
    Rng rng(3);
    for (std::int32_t cell = 1; cell <= 500; ++cell) {
      const std::int64_t cy = 22 + (cell - 1) / 23 * 45, cx = 22 + (cell - 1) % 23 * 44,
                         r = 10 + rng.below(10);
      for (std::int64_t y = -r; y <= r; ++y) {
        for (std::int64_t x = -r; x <= r; ++x) {
          if (y * y + x * x > r * r) continue;
          instances.at(0, 0, cy + y, cx + x) = cell;
          classes.at(0, 0, cy + y, cx + x) = y * y + x * x > (r - 2) * (r - 2) ? 2 : 1;
        }
      }
    }
  }
};

template <void (*work)()>
void run(benchmark::State& state) {
  set_thread_count(static_cast<int>(state.range(0)));
  work();  // makes the data
  for (auto _ : state) work();
  set_thread_count(0);
}

}  // namespace

void evaluate_folder() {
  const auto& made = organ_case();
  set_quiet(true);
  benchmark::DoNotOptimize(evaluate_pairs(made.files, made.info).foreground_mean_dice());
}

void evaluate_four() {
  const auto& made = organ_case();
  const std::vector<ScoredPair> files(4, made.files[0]);
  set_quiet(true);
  benchmark::DoNotOptimize(evaluate_pairs(files, made.info).foreground_mean_dice());
}

void nsd() {
  const auto& made = organ_case();
  const LabelCutter cutter(made.reference, made.prediction, kSpacing);
  std::vector<double> scores(kLabels);
  parallel_for(kLabels, [&](std::int64_t label) {
    scores[static_cast<std::size_t>(label)] =
        surface_dice(surface_distances(cutter.cut({static_cast<int>(label) + 1})), 2);
  });
  benchmark::DoNotOptimize(scores.data());
}

void instance_f1() {
  static const CellPicture picture;
  const std::vector<double> thresholds{0.5};
  benchmark::DoNotOptimize(score_cells(picture.instances, picture.classes, thresholds, false).front().f1);
}

BENCHMARK(run<evaluate_folder>)
    ->Name("evaluate_folder")
    ->Arg(1)
    ->Arg(2)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime()
    ->UseRealTime();
BENCHMARK(run<nsd>)
    ->Name("nsd")
    ->Arg(1)
    ->Arg(2)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime()
    ->UseRealTime();
BENCHMARK(run<instance_f1>)
    ->Name("instance_f1")
    ->Arg(1)
    ->Arg(2)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime()
    ->UseRealTime();

}  // namespace seg::bench
