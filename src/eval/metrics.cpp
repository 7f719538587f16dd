#include "eval/metrics.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

#include "base/suggest.h"
#include "eval/statistics.h"

namespace seg {
namespace {

double ratio(std::int64_t numerator, std::int64_t denominator) {
  return denominator == 0 ? kNaN : static_cast<double>(numerator) / static_cast<double>(denominator);
}

double hausdorff(const LabelMeasures& m, double share) {
  const bool both_empty = m.surface.from_reference.empty() && m.surface.from_prediction.empty();
  return both_empty ? kNaN : hausdorff_distance(m.surface, share);
}

using M = LabelMeasures;

constexpr std::array kMetrics{
    Metric{"ASD", "average surface distance in mm, mean of both directions",
           [](const M& m) { return average_surface_distance(m.surface); }, Needs::surface, false},
    Metric{"Dice", "2 TP / (2 TP + FP + FN)", [](const M& m) { return m.overlap.dice(); }, Needs::overlap,
           true, true},
    Metric{"F1", "instance F1: connected pieces found again at --iou-threshold",
           [](const M& m) { return m.objects.f1(); }, Needs::objects},
    Metric{"FN", "voxels missed", [](const M& m) { return static_cast<double>(m.overlap.fn); },
           Needs::overlap, false, true, true},
    Metric{"FP", "voxels too many", [](const M& m) { return static_cast<double>(m.overlap.fp); },
           Needs::overlap, false, true, true},
    Metric{"HD", "Hausdorff distance in mm", [](const M& m) { return hausdorff(m, 1); }, Needs::surface,
           false},
    Metric{"HD95", "95th percentile of the Hausdorff distance in mm",
           [](const M& m) { return hausdorff(m, 0.95); }, Needs::surface, false},
    Metric{"IoU", "TP / (TP + FP + FN)", [](const M& m) { return m.overlap.iou(); }, Needs::overlap, true,
           true},
    Metric{"NSD", "share of the surfaces within --nsd-tolerance of each other",
           [](const M& m) { return surface_dice(m.surface, m.nsd_tolerance); }, Needs::surface},
    Metric{"TN", "voxels rightly background", [](const M& m) { return static_cast<double>(m.overlap.tn); },
           Needs::overlap, true, true, true},
    Metric{"TP", "voxels found", [](const M& m) { return static_cast<double>(m.overlap.tp); }, Needs::overlap,
           true, true, true},
    Metric{"n_pred", "voxels predicted",
           [](const M& m) { return static_cast<double>(m.overlap.tp + m.overlap.fp); }, Needs::overlap, true,
           true, true},
    Metric{"n_ref", "voxels of the reference",
           [](const M& m) { return static_cast<double>(m.overlap.tp + m.overlap.fn); }, Needs::overlap, true,
           true, true}};

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return lower;
}

}  // namespace

double OverlapScores::dice() const {
  return ratio(2 * tp, 2 * tp + fp + fn);
}

double OverlapScores::iou() const {
  return ratio(tp, tp + fp + fn);
}

std::span<const Metric> all_metrics() {
  return kMetrics;
}

const Metric& find_metric(std::string_view name) {
  std::vector<std::string> names;
  for (const auto& metric : kMetrics) {
    if (lower_case(metric.name) == lower_case(name)) return metric;
    names.emplace_back(metric.name);
  }
  fail_unknown("metric", name, names);
}

}  // namespace seg
