// The files of a prediction, named and filled as nnU-Net does.
#pragma once
#include <string>

#include "base/files.h"
#include "data/preprocess.h"
#include "infer/export.h"

namespace seg {

/// Writes the labels to `file` and, where there are probabilities, beside it <case>.npz ("probabilities",
/// float32 [classes or regions, z, y, x]) and <case>.pkl, the properties by which nnU-Net's own programs put
/// an ensemble back into the image's space. The labels are written last: where they are, all is there.
void write_prediction(const fs::path& file, const std::string& file_ending, const Prediction& prediction,
                      const CaseProperties& properties);

/// `file` with another ending: "out/case.nii.gz" -> "out/case.npz".
fs::path with_ending(const fs::path& file, const std::string& file_ending, const std::string& wanted);

void write_probabilities(const fs::path& npz, const Image& probabilities);
/// Throws Error naming the file unless it holds four-dimensional float32 "probabilities".
Image read_probabilities(const fs::path& npz);

}  // namespace seg
