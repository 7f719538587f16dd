// Synthetic datasets that look like the paper's three tasks, to learn the program with and to test it.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/rng.h"
#include "image/volume.h"

namespace seg {

/// One rendered case.
struct PhantomCase {
  Image image;       ///< [1, z, y, x] intensities, or [3, 1, y, x] red, green, blue in 0..255
  Labels labels;     ///< [1, z, y, x]
  Labels instances;  ///< cells only: 1, 2, ... per nucleus
  Geometry geometry;
};

/// MR-like volume of the upper abdomen: 1 liver, 2 spleen, 3 right kidney, 4 left kidney, 5 aorta.
PhantomCase render_abdomen(std::uint64_t seed, int index);
/// Frame of an operation: 1 shaft, 2 wrist, 3 clasper. Three frames in a row are one moving scene.
PhantomCase render_endoscopy(std::uint64_t seed, int index);
/// Touching nuclei, stained or fluorescent: 1 interior, 2 boundary.
PhantomCase render_cells(std::uint64_t seed, int index);

/// The names of the phantoms: abdomen, endoscopy, cells.
std::vector<std::string> phantom_names();

/// Renders `cases` training and cases/4 (at least 2) test cases in nnU-Net's raw layout below `raw` and
/// returns the dataset's folder. The same seed gives the same files. Throws Error for an unknown name and
/// for a folder that exists already.
fs::path make_phantom(const std::string& name, const fs::path& raw, int cases, std::uint64_t seed);

}  // namespace seg
