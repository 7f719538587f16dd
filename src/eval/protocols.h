// The evaluations of the paper's three tasks, number for number as the scripts published with U-Mamba (which
// Swin-UMamba uses) compute them, with their quirks.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eval/score_table.h"
#include "eval/summary.h"

namespace seg {

/// An organ of the abdomen scripts; its label is its place in the list, from 1.
struct Organ {
  const char* name;
  double nsd_tolerance;  ///< mm
};
std::span<const Organ> protocol_organs();

struct ProtocolSettings {
  fs::path references, predictions;
  bool skip_missing = false;
  /// abdomen-mr: organs by name and value; empty means the scripts' 13 organs.
  std::vector<LabelEntry> labels{};
  /// NSD in mm: one per label, or one for all; empty means what the scripts use.
  std::vector<double> nsd_tolerances{};
  std::vector<double> iou_thresholds{0.5};  ///< cells
  bool count_boundary_cells = false;        ///< cells
};

/// A file that the scripts write, byte for byte; the name is BASE + suffix.
struct ProtocolFile {
  std::string suffix, text;
};

struct ProtocolReport {
  std::vector<ScoreTable> tables;
  std::vector<ProtocolFile> files;
};

struct Protocol {
  const char* name;
  const char* quirks;  ///< for --help
  bool has_labels;     ///< uses ProtocolSettings::labels and a tolerance for each
  ProtocolReport (*run)(const ProtocolSettings&);
};

/// abdomen-mr, endoscopy and cells; nnU-Net's is `evaluate_pairs`.
std::span<const Protocol> all_protocols();

}  // namespace seg
