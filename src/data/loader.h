// Training batches: patch sampling with foreground oversampling, augmentation, background threads.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "data/plan.h"
#include "data/preprocess.h"
#include "image/volume.h"

namespace seg {

/// One batch, C-order.
struct Batch {
  std::int64_t size = 0, channels = 0, height = 0, width = 0;
  std::vector<float> data;  ///< [size, channels, height, width]
  /// Per deep-supervision scale, highest resolution first: [size, target_channels, h, w] class indices
  /// (one channel), or one binary channel per region and the ignore mask last.
  std::vector<std::vector<std::int16_t>> targets;
  std::vector<std::array<std::int64_t, 2>> target_sizes;  ///< (h, w) of each target
  std::int64_t target_channels = 1;
};

struct LoaderConfig {
  std::int64_t batch_size = 2;
  std::array<std::int64_t, 2> patch_size{};           ///< (y, x)
  std::vector<std::array<double, 2>> scales{{1, 1}};  ///< deep supervision: size of the targets, per axis
  double foreground_share = 0.33;
  bool augment = true;  ///< false for validation
  std::uint64_t seed = 0;
  int threads = 1;       ///< background threads; batches do not depend on it
  int queue_length = 3;  ///< batches kept ready
};

/// Endless batches in a fixed order for a seed, made ahead by background threads.
class Loader {
 public:
  /// `folder` holds the stored cases `ids` (see data/preprocess.h).
  Loader(const fs::path& folder, const std::vector<std::string>& ids, const DatasetInfo& info,
         const Configuration& configuration, const LoaderConfig& config);
  ~Loader();
  Loader(Loader&&) noexcept;

  /// Blocks until the next batch is ready; an error of a background thread is thrown here.
  Batch next();
  /// Continues with batch number `index` (resume).
  void seek(std::int64_t index);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace seg
