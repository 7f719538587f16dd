// nnU-Net's losses: Dice + cross entropy with deep supervision, and the hard counts behind the pseudo Dice.
#pragma once
#include <torch/types.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace seg {

struct LossConfig {
  bool regions = false;    ///< sigmoid + binary cross entropy on region channels instead of softmax
  bool batch_dice = true;  ///< Dice over the whole batch instead of the mean over its samples
  std::optional<int> ignore_label = std::nullopt;  ///< pixels of this label count nowhere
};

/// Dice + cross entropy of one head.
/// logits [B, K, H, W]; target int64 [B, 1, H, W], or [B, K (+ 1 ignore mask), H, W] with regions.
/// Source: nnU-Net's DC_and_CE_loss and DC_and_BCE_loss (smooth 1e-5; background left out of the Dice of
/// classes).
torch::Tensor dice_ce_loss(const torch::Tensor& logits, const torch::Tensor& target,
                           const LossConfig& config);

/// Weights of the deep-supervision heads: 1, 1/2, 1/4, ..., the last 0, normalised; {1} for a single head.
std::vector<double> deep_supervision_weights(std::size_t heads);

/// Weighted sum over the heads; heads of weight 0 are left out.
torch::Tensor deep_supervision_loss(const std::vector<torch::Tensor>& logits,
                                    const std::vector<torch::Tensor>& targets, const LossConfig& config);

/// Hard true positives, false positives and false negatives of the foreground classes (or regions) over a
/// batch.
struct HardCounts {
  std::vector<std::int64_t> tp, fp, fn;
  HardCounts& operator+=(const HardCounts& other);
  /// 2tp / (2tp + fp + fn), NaN where a class is empty in both.
  std::vector<double> dice() const;
};
HardCounts hard_counts(const torch::Tensor& logits, const torch::Tensor& target, const LossConfig& config);

/// Mean of the numbers that are not NaN; NaN where there is none.
double nan_mean(const std::vector<double>& values);

}  // namespace seg
