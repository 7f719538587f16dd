#include "train/loss.h"

#include <cmath>
#include <limits>

#include "base/error.h"

namespace seg {
namespace {

using torch::Tensor;

constexpr double kSmooth = 1e-5;

struct MaskedTarget {
  Tensor one_hot;  // [B, K, H, W] float
  Tensor mask;     // [B, 1, H, W] float, undefined where nothing is ignored
};

MaskedTarget class_target(const Tensor& target, std::int64_t classes, const LossConfig& config,
                          Tensor& labels) {
  MaskedTarget result;
  labels = target.select(1, 0);  // [B, H, W]
  if (config.ignore_label) {
    const Tensor kept = labels != *config.ignore_label;
    result.mask = kept.unsqueeze(1).to(torch::kFloat32);
    labels = torch::where(kept, labels, torch::zeros_like(labels));
  }
  result.one_hot = torch::zeros({target.size(0), classes, target.size(2), target.size(3)})
                       .scatter_(1, labels.unsqueeze(1), 1.0);
  return result;
}

MaskedTarget region_target(const Tensor& target, const LossConfig& config) {
  if (!config.ignore_label) return {target.to(torch::kFloat32), {}};
  const std::int64_t regions = target.size(1) - 1;
  return {target.narrow(1, 0, regions).to(torch::kFloat32),
          1 - target.narrow(1, regions, 1).to(torch::kFloat32)};
}

/// Minus the mean soft Dice over classes (and samples).
Tensor dice_loss(const Tensor& probabilities, const MaskedTarget& target, bool batch_dice) {
  const Tensor masked_p = target.mask.defined() ? probabilities * target.mask : probabilities;
  const Tensor masked_t = target.mask.defined() ? target.one_hot * target.mask : target.one_hot;
  const std::vector<std::int64_t> axes =
      batch_dice ? std::vector<std::int64_t>{0, 2, 3} : std::vector<std::int64_t>{2, 3};
  const Tensor overlap = (probabilities * masked_t).sum(axes);
  const Tensor sizes = masked_p.sum(axes) + masked_t.sum(axes);
  return -((2 * overlap + kSmooth) / (sizes + kSmooth).clamp_min(1e-8)).mean();
}

Tensor class_loss(const Tensor& logits, const Tensor& target, const LossConfig& config) {
  Tensor labels;
  const MaskedTarget prepared = class_target(target, logits.size(1), config, labels);
  const Tensor log_p = torch::log_softmax(logits, 1);
  const Tensor nll = -log_p.gather(1, labels.unsqueeze(1));  // [B, 1, H, W]
  const Tensor ce =
      prepared.mask.defined() ? (nll * prepared.mask).sum() / prepared.mask.sum().clamp_min(1.0) : nll.mean();
  const std::int64_t foreground = logits.size(1) - 1;
  const MaskedTarget without_background{prepared.one_hot.narrow(1, 1, foreground), prepared.mask};
  return ce + dice_loss(log_p.exp().narrow(1, 1, foreground), without_background, config.batch_dice);
}

Tensor region_loss(const Tensor& logits, const Tensor& target, const LossConfig& config) {
  const MaskedTarget prepared = region_target(target, config);
  Tensor bce =
      torch::binary_cross_entropy_with_logits(logits, prepared.one_hot, {}, {}, torch::Reduction::None);
  bce = prepared.mask.defined() ? (bce * prepared.mask).sum() / prepared.mask.sum().clamp_min(1e-8)
                                : bce.mean();
  return bce + dice_loss(torch::sigmoid(logits), prepared, config.batch_dice);
}

}  // namespace

Tensor dice_ce_loss(const Tensor& logits, const Tensor& target, const LossConfig& config) {
  return config.regions ? region_loss(logits, target, config) : class_loss(logits, target, config);
}

std::vector<double> deep_supervision_weights(std::size_t heads) {
  if (heads == 1) return {1.0};
  std::vector<double> weights(heads, 0.0);
  double sum = 0;
  for (std::size_t i = 0; i + 1 < heads; ++i) sum += weights[i] = std::pow(0.5, static_cast<double>(i));
  for (double& weight : weights) weight /= sum;
  return weights;
}

Tensor deep_supervision_loss(const std::vector<Tensor>& logits, const std::vector<Tensor>& targets,
                             const LossConfig& config) {
  if (logits.size() != targets.size()) fail("{} heads but {} targets", logits.size(), targets.size());
  const auto weights = deep_supervision_weights(logits.size());
  Tensor loss;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (weights[i] == 0) continue;
    const Tensor part = weights[i] * dice_ce_loss(logits[i], targets[i], config);
    loss = loss.defined() ? loss + part : part;
  }
  return loss;
}

HardCounts& HardCounts::operator+=(const HardCounts& other) {
  const auto add = [](std::vector<std::int64_t>& a, const std::vector<std::int64_t>& b) {
    a.resize(std::max(a.size(), b.size()), 0);
    for (std::size_t i = 0; i < b.size(); ++i) a[i] += b[i];
  };
  add(tp, other.tp);
  add(fp, other.fp);
  add(fn, other.fn);
  return *this;
}

std::vector<double> HardCounts::dice() const {
  std::vector<double> scores;
  for (std::size_t i = 0; i < tp.size(); ++i) {
    const auto sum = 2 * tp[i] + fp[i] + fn[i];
    scores.push_back(sum == 0 ? std::numeric_limits<double>::quiet_NaN()
                              : 2.0 * static_cast<double>(tp[i]) / static_cast<double>(sum));
  }
  return scores;
}

HardCounts hard_counts(const Tensor& logits, const Tensor& target, const LossConfig& config) {
  const torch::NoGradGuard no_grad;
  MaskedTarget prepared;
  Tensor predicted;  // [B, K, H, W] float 0/1
  if (config.regions) {
    prepared = region_target(target, config);
    predicted = (torch::sigmoid(logits) > 0.5).to(torch::kFloat32);
  } else {
    Tensor labels;
    prepared = class_target(target, logits.size(1), config, labels);
    predicted = torch::zeros_like(logits).scatter_(1, logits.argmax(1, true), 1.0);
  }
  if (prepared.mask.defined()) {
    predicted = predicted * prepared.mask;
    prepared.one_hot = prepared.one_hot * prepared.mask;
  }
  const std::int64_t first = config.regions ? 0 : 1;  // background is not scored
  const auto counts = [&](const Tensor& hits) {
    const Tensor sums = hits.sum({0, 2, 3}, false, torch::kFloat64).narrow(0, first, hits.size(1) - first);
    const auto* values = sums.data_ptr<double>();
    return std::vector<std::int64_t>(values, values + sums.numel());
  };
  return {counts(predicted * prepared.one_hot), counts(predicted * (1 - prepared.one_hot)),
          counts((1 - predicted) * prepared.one_hot)};
}

double nan_mean(const std::vector<double>& values) {
  double sum = 0;
  std::size_t count = 0;
  for (const double value : values) {
    if (std::isnan(value)) continue;
    sum += value;
    ++count;
  }
  return count == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / static_cast<double>(count);
}

}  // namespace seg
