// Batches of pictures for a classifier.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "data/image_source.h"

namespace seg {

struct PictureBatch {
  std::int64_t size = 0;
  std::vector<float> data;            ///< [size, 3, side, side], normalised
  std::vector<std::int64_t> classes;  ///< [size]
};

struct PictureLoaderConfig {
  std::int64_t batch_size = 32, side = 224;
  bool centred = false;  ///< see ImageSets
  std::uint64_t seed = 0;
  int threads = 1;       ///< background threads; batches do not depend on it
  int queue_length = 3;  ///< batches kept ready
};

/// Endless batches of augmented pictures, the same for the same seed. An epoch shows every picture once in
/// random order, but for those that fill no batch.
class PictureLoader {
 public:
  /// Throws Error where the source has less than one batch.
  PictureLoader(std::shared_ptr<const ImageSource> source, const PictureLoaderConfig& config);
  ~PictureLoader();

  std::int64_t batches_per_epoch() const;
  /// Blocks until the next batch is ready; an error of a background thread is thrown here.
  PictureBatch next();
  /// Continues with batch number `index` (resume).
  void seek(std::int64_t index);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Pictures first, first + 1, ..., `count` at most, as they are evaluated; made by all threads together.
PictureBatch evaluation_batch(const ImageSource& source, std::int64_t first, std::int64_t count,
                              std::int64_t side);

}  // namespace seg
