// Pictures of known class: what a classifier is trained on, wherever they come from.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "image/volume.h"

namespace seg {

/// Pictures with a class each. Threads may read at the same time.
class ImageSource {
 public:
  virtual ~ImageSource() = default;
  virtual std::int64_t count() const = 0;
  virtual std::int64_t class_of(std::int64_t index) const = 0;
  /// [3, 1, y, x] of values in 0..255; grey pictures have three equal channels. Throws Error naming the file.
  virtual Image read(std::int64_t index) const = 0;
};

/// Pictures to learn from, and pictures held out to measure what was learnt.
struct ImageSets {
  std::vector<std::string> classes;  ///< names by class
  std::shared_ptr<const ImageSource> train, val;
  bool centred = false;  ///< a picture's class is that of its centre, which crops have to keep
};

/// Which of `count` items are held out: about `share` of them, at least one, but never all (none of a single
/// one). The same for the same `count`, `share` and `stream`.
std::vector<bool> held_out(std::int64_t count, double share, std::uint64_t stream);

/// One grey channel three times, three channels as they are. Throws Error naming `what` for other numbers.
Image three_channels(const Image& image, const std::string& what);

}  // namespace seg
