// What the inputs of a network's layers look like, from which int8 takes their scales.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace seg::engine {

/// A value as a whole number q from -128 to 127: scale * (q - zero_point). Zero has one of its own.
struct Int8Scale {
  float scale = 1;
  int zero_point = 0;
  bool operator==(const Int8Scale&) const = default;
};

/// How often which values occurred among those that a layer was given.
class InputHistogram {
 public:
  /// Values that are not finite are left out. Not to be called by several threads at once.
  void add(std::span<const float> values);

  /// What loses least, by the mean square: values beyond a range are cut off, those within are rounded.
  Int8Scale best_scale() const;

 private:
  // By the upper bits of a float: 32 bins for every power of two.
  static constexpr int kShift = 18;
  struct Bin {
    double value, count;
  };
  std::vector<Bin> bins() const;  ///< that are not empty and not zero, by their values

  std::array<std::uint64_t, (std::uint32_t{1} << (32 - kShift))> counts_{};
};

/// A layer that int8 can serve.
struct CalibratedLayer {
  std::size_t out_axis = 0;  ///< of its weight: every output channel has a scale of its own
  InputHistogram input{};
};

/// By their names, which are the weights' without ".weight".
using Calibration = std::map<std::string, CalibratedLayer>;

}  // namespace seg::engine
