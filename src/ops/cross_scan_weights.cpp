#include "ops/cross_scan_weights.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/threads.h"
#include "ops/cross_scan_layout.h"

namespace seg {
namespace {

// Rows of a group's pack, before those of its states and ranks.
enum Row : std::int64_t { kBias, kSkip, kFastest, kStates };

}  // namespace

CrossScanWeights::CrossScanWeights(const CrossScanShape& shape, const CrossScanInputs& in, Passes passes,
                                   FloatPool* pool)
    : groups_(ceil_div(shape.channels, kTileChannels)),
      state_(shape.state),
      rank_(shape.dt_rank),
      rank_by_channel_(passes == Passes::both ? ceil_div(rank_, kTileChannels) * kTileChannels : 0),
      pack_size_((kStates + state_ + rank_ + rank_by_channel_) * kTileChannels),
      packs_(take_floats(pool, static_cast<std::size_t>(shape.directions * groups_ * pack_size_))) {
  parallel_for(shape.directions * groups_, [&](std::int64_t i) {
    const std::int64_t k = i / groups_, first = i % groups_ * kTileChannels;
    std::fill_n(packs_.get() + i * pack_size_, pack_size_, 0.0f);
    for (std::int64_t d = first; d < std::min(first + kTileChannels, shape.channels); ++d) {
      pack_channel(in, k, d, k * shape.channels + d);
    }
  });
}

TileWeights CrossScanWeights::of(std::int64_t direction, std::int64_t group) const {
  const float* pack = packs_.get() + (direction * groups_ + group) * pack_size_;
  const auto row = [&](std::int64_t number) { return pack + number * kTileChannels; };
  return {.a2 = row(kStates),
          .a2_min = row(kFastest),
          .dt_weight = row(kStates + state_),
          .dt_weight_rows = rank_by_channel_ > 0 ? row(kStates + state_ + rank_) : nullptr,
          .dt_bias = row(kBias),
          .skip = row(kSkip)};
}

void CrossScanWeights::pack_channel(const CrossScanInputs& in, std::int64_t direction, std::int64_t channel,
                                    std::int64_t source) {
  float* pack = packs_.get() + (direction * groups_ + channel / kTileChannels) * pack_size_;
  const std::int64_t lane = channel % kTileChannels;
  const auto at = [&](std::int64_t row) -> float& { return pack[row * kTileChannels + lane]; };
  at(kBias) = in.dt_bias[source];
  at(kSkip) = in.skip[source];
  for (std::int64_t n = 0; n < state_; ++n) {
    const double a = -std::exp(in.a_log[source * state_ + n]);
    at(kStates + n) = static_cast<float>(a * std::numbers::log2e);
    at(kFastest) = std::min(at(kFastest), at(kStates + n));
  }
  for (std::int64_t r = 0; r < rank_; ++r) at(kStates + state_ + r) = in.dt_weight[source * rank_ + r];
  if (rank_by_channel_ == 0) return;
  float* by_channel = pack + (kStates + state_ + rank_) * kTileChannels + lane * rank_by_channel_;
  std::copy_n(in.dt_weight + source * rank_, rank_, by_channel);
}

}  // namespace seg
