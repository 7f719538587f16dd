// Export of logits that are there as a whole.
#pragma once
#include "infer/export.h"

namespace seg::testing {

inline Prediction export_whole(const Image& logits, const CaseProperties& properties, const Plan& plan,
                               const Configuration& configuration, const DatasetInfo& info,
                               bool with_probabilities = false) {
  return export_in_blocks([&](auto, auto) { return logits; }, properties.shape_after_cropping[0], properties,
                          plan, configuration, info, with_probabilities);
}

}  // namespace seg::testing
