#include "train/classification.h"

#include <torch/optim/adamw.h>

#include <algorithm>
#include <cmath>

#include "net/network.h"

namespace seg {

Tensor soft_targets(const Tensor& labels, std::int64_t classes, double smoothing, double share) {
  const Tensor own = torch::full({labels.size(0), classes}, smoothing / static_cast<double>(classes));
  own.scatter_add_(1, labels.unsqueeze(1), torch::full({labels.size(0), 1}, 1 - smoothing));
  return mix_with_reverse(own, share);
}

Tensor mix_with_reverse(const Tensor& batch, double share) {
  return share == 1 ? batch : batch * share + batch.flip(0) * (1 - share);
}

Tensor soft_cross_entropy(const Tensor& logits, const Tensor& targets) {
  return -(targets * torch::log_softmax(logits, 1)).sum(1).mean();
}

double draw_mixup_share(double alpha, Rng& rng) {
  if (alpha == 0) return 1;
  while (true) {  // Jöhnk's method
    const double x = std::pow(rng.uniform(), 1 / alpha), y = std::pow(rng.uniform(), 1 / alpha);
    if (x + y > 0 && x + y <= 1) return x / (x + y);
  }
}

std::int64_t count_top(const Tensor& logits, const Tensor& labels, std::int64_t k) {
  const Tensor top = std::get<1>(logits.topk(std::min(k, logits.size(1)), 1));  // [B, k]
  return (top == labels.unsqueeze(1)).sum().item<std::int64_t>();
}

void update_average(torch::nn::Module& average, const torch::nn::Module& network, double keep) {
  const torch::NoGradGuard no_grad;
  const auto kept = average.parameters(), added = network.parameters();
  for (std::size_t i = 0; i < kept.size(); ++i) kept[i].mul_(keep).add_(added[i], 1 - keep);
}

double average_keep(double keep, std::int64_t step) {
  return std::min(keep, static_cast<double>(1 + step) / static_cast<double>(10 + step));
}

bool has_weight_decay(std::string_view name, std::int64_t dimensions) {
  // VMamba's optimiser goes by dimensions and ".bias"; A and the dt bias are matrices here, and its model
  // marks them as not to be decayed.
  return dimensions > 1 && !name.ends_with(".A_logs") && !name.ends_with(".dt_projs_bias");
}

std::unique_ptr<torch::optim::Optimizer> make_classifier_optimizer(const Network& network,
                                                                   double weight_decay) {
  using torch::optim::AdamWOptions;
  std::vector<Tensor> decayed, spared;
  for (const auto& item : network.named_parameters())
    (has_weight_decay(item.key(), item.value().dim()) ? decayed : spared).push_back(item.value());
  const AdamWOptions options = AdamWOptions().eps(1e-8).weight_decay(weight_decay);
  AdamWOptions spared_options = options;
  spared_options.weight_decay(0);
  std::vector<torch::optim::OptimizerParamGroup> groups;
  groups.emplace_back(decayed, std::make_unique<AdamWOptions>(options));
  groups.emplace_back(spared, std::make_unique<AdamWOptions>(spared_options));
  return std::make_unique<torch::optim::AdamW>(groups, options);
}

}  // namespace seg
