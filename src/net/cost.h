// What one forward pass of a network costs: operations as the paper counts them, and memory.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "net/network_table.h"

namespace seg {

/// A selective scan of `length` steps over `channels` channels (of all directions) with `states` states.
struct ScanShape {
  std::int64_t batch = 0, channels = 0, length = 0, states = 0;
  bool gated = false;
};

enum class ScanFormula {
  paper,  ///< 9 B L D N + B D L, and B D L for a gate
  v1      ///< of VMamba's first code, which arXiv v1 of the paper quotes: the sums of its einsums
};

/// Operations of a scan.
std::int64_t scan_flops(const ScanShape& scan, ScanFormula formula);

/// A module, or an element of a list of modules, as far as its parameters tell.
struct StageCost {
  std::string name;
  std::int64_t parameters = 0;
  std::int64_t counted = 0;  ///< operations without the scans
  std::vector<ScanShape> scans;

  std::int64_t flops(ScanFormula formula) const;
};

struct ForwardCost {
  std::vector<StageCost> stages;  ///< in the order in which they run
  /// Operations by fvcore's names, a multiply-add as one; fvcore counts no additions, products and
  /// activations.
  std::map<std::string, std::int64_t> by_operator;
  std::int64_t peak_bytes = 0;  ///< most memory of activations at one time, without gradients

  std::int64_t parameters() const;
  std::int64_t flops(ScanFormula formula) const;
};

/// Runs `network` once on an image of `size`, batch 1, and counts.
ForwardCost forward_cost(Network& network, const Size2d& size);

/// Bytes that a forward pass keeps for the backward pass, batch 1.
std::int64_t bytes_kept_for_training(Network& network, const Size2d& size);

/// Seconds of a forward pass with the full-resolution head only, batch 1: the shortest of a few.
double forward_seconds(Network& network, const Size2d& size);

}  // namespace seg
