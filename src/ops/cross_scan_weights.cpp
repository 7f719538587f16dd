#include "ops/cross_scan_weights.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/threads.h"

namespace seg {

CrossScanWeights::CrossScanWeights(const CrossScanShape& shape, const CrossScanInputs& in, bool backward)
    : groups_(ceil_div(shape.channels, kTileChannels)),
      state_(shape.state),
      rank_(shape.dt_rank),
      rank_by_channel_(backward ? ceil_div(rank_, kTileChannels) * kTileChannels : 0),
      rows_per_pack_(3 + state_ + rank_ + rank_by_channel_),
      rows_(shape.directions * groups_ * rows_per_pack_) {
  parallel_for(shape.directions * groups_, [&](std::int64_t i) {
    const std::int64_t k = i / groups_, first = i % groups_ * kTileChannels;
    for (std::int64_t d = first; d < std::min(first + kTileChannels, shape.channels); ++d) {
      pack_channel(in, k, d, k * shape.channels + d);
    }
  });
}

TileWeights CrossScanWeights::of(std::int64_t direction, std::int64_t group) const {
  const ChannelRow* rows = rows_.data() + (direction * groups_ + group) * rows_per_pack_;
  TileWeights weights;
  weights.dt_bias = rows[0].at;
  weights.skip = rows[1].at;
  weights.a2_min = rows[2].at;
  weights.a2 = rows[3].at;
  weights.dt_weight = rows[3 + state_].at;
  if (rank_by_channel_ > 0) weights.dt_weight_rows = rows[3 + state_ + rank_].at;
  return weights;
}

void CrossScanWeights::pack_channel(const CrossScanInputs& in, std::int64_t direction, std::int64_t channel,
                                    std::int64_t source) {
  ChannelRow* rows = rows_.data() + (direction * groups_ + channel / kTileChannels) * rows_per_pack_;
  const std::int64_t lane = channel % kTileChannels;
  rows[0].at[lane] = in.dt_bias[source];
  rows[1].at[lane] = in.skip[source];
  for (std::int64_t n = 0; n < state_; ++n) {
    const double a = -std::exp(in.a_log[source * state_ + n]);
    const auto a2 = static_cast<float>(a * std::numbers::log2e);
    rows[3 + n].at[lane] = a2;
    rows[2].at[lane] = std::min(rows[2].at[lane], a2);
  }
  for (std::int64_t r = 0; r < rank_; ++r) rows[3 + state_ + r].at[lane] = in.dt_weight[source * rank_ + r];
  if (rank_by_channel_ == 0) return;
  float* by_channel = rows[3 + state_ + rank_].at + lane * rank_by_channel_;
  std::copy_n(in.dt_weight + source * rank_, rank_, by_channel);
}

}  // namespace seg
