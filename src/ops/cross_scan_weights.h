// A cross scan's parameters in the order that its inner loops read them.
#pragma once
#include <cstdint>
#include <memory>

#include "base/memory.h"
#include "ops/cross_scan.h"
#include "ops/scan_tile.h"

namespace seg {

class CrossScanWeights {
 public:
  enum class Passes { forward, both };
  /// Packs those of `in`, of which `u` and `x_dbl` are not read; into memory of `pool` where there is one.
  CrossScanWeights(const CrossScanShape& shape, const CrossScanInputs& in, Passes passes,
                   FloatPool* pool = nullptr);

  /// Groups of 16 channels.
  std::int64_t groups() const { return groups_; }
  TileWeights of(std::int64_t direction, std::int64_t group) const;

 private:
  void pack_channel(const CrossScanInputs& in, std::int64_t direction, std::int64_t channel,
                    std::int64_t source);

  std::int64_t groups_, state_, rank_;
  std::int64_t rank_by_channel_;  // padded to whole rows; 0 without the backward pass
  std::int64_t pack_size_;
  std::shared_ptr<float[]> packs_;
};

}  // namespace seg
