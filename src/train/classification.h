// What training a classifier as VMamba's authors do takes beside the loop: soft targets, mixup, averaged
// weights, and the optimiser that spares some parameters weight decay.
#pragma once
#include <torch/types.h>

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/rng.h"

namespace torch::nn {
class Module;
}
namespace torch::optim {
class Optimizer;
}

namespace seg {

class Network;

/// Probabilities of each class: 1 - smoothing for the right one and smoothing / classes for all, mixed as
/// share * own + (1 - share) * those of the batch in reverse (mixup, arXiv 1710.09412; as timm mixes).
/// labels int64 [B] -> [B, classes].
torch::Tensor soft_targets(const torch::Tensor& labels, std::int64_t classes, double smoothing, double share);

/// The images of a batch mixed in the same way. [B, ...]
torch::Tensor mix_with_reverse(const torch::Tensor& batch, double share);

/// -sum(targets * log_softmax(logits)), mean over the batch. Both [B, classes].
torch::Tensor soft_cross_entropy(const torch::Tensor& logits, const torch::Tensor& targets);

/// How much of its own image a sample of a mixed batch keeps: Beta(alpha, alpha), or 1 where alpha is 0.
/// alpha in [0, 1].
double draw_mixup_share(double alpha, Rng& rng);

/// How many of the labels are among the `k` largest logits of their sample.
std::int64_t count_top(const torch::Tensor& logits, const torch::Tensor& labels, std::int64_t k);

/// average = keep * average + (1 - keep) * network, every parameter.
void update_average(torch::nn::Module& average, const torch::nn::Module& network, double keep);

/// What the average keeps at update `step` (1 is the first): `keep` in the end, less in the beginning so that
/// a short training does not average in its random start: (1 + step) / (10 + step).
double average_keep(double keep, std::int64_t step);

/// Whether weight decay applies to a parameter of VMamba: not to norms, biases, and the scan's A, D and dt
/// bias.
bool has_weight_decay(std::string_view name, std::int64_t dimensions);

/// AdamW, betas 0.9 and 0.999, eps 1e-8; its learning rate is set before each step.
std::unique_ptr<torch::optim::Optimizer> make_classifier_optimizer(const Network& network,
                                                                   double weight_decay);

}  // namespace seg
