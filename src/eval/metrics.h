// THE table of metrics of one label in one case.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "eval/objects.h"
#include "eval/surface_distances.h"

namespace seg {

/// Overlap of one label (or region) in one case.
struct OverlapScores {
  std::int64_t tp = 0, fp = 0, fn = 0, tn = 0;
  double dice() const;  ///< NaN when both are empty
  double iou() const;   ///< NaN when both are empty
};

/// What metrics are computed from. Distances and objects are there only where a metric needs them.
struct LabelMeasures {
  OverlapScores overlap;
  SurfaceDistances surface;
  ObjectCounts objects;
  double nsd_tolerance = 0;  ///< mm
};

enum class Needs { overlap, surface, objects };

struct Metric {
  const char* name;  ///< as in summary.json
  const char* help;
  double (*value)(const LabelMeasures&);
  Needs needs = Needs::overlap;
  bool higher_is_better = true;
  bool in_summary = false;  ///< nnU-Net's summary.json has it
  bool whole = false;       ///< a count
};

/// All metrics in the order of their names, as nnU-Net sorts them.
std::span<const Metric> all_metrics();

/// Throws a usage Error with "did you mean" for a name that is not in the table; case does not matter.
const Metric& find_metric(std::string_view name);

}  // namespace seg
