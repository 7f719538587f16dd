// Is an image file complete? The libraries that decode images fill what is missing with zeros or abort the
// process, so damage is looked for first.
#pragma once
#include "base/files.h"

namespace seg {

/// Throws Error naming the file, and where it can what was expected and found, when the file is empty,
/// truncated or not of the kind its ending says. Checks .nii.gz, .nii, .mha, .png, .bmp, .jpg and .jpeg; the
/// readers of .nrrd and .tif notice damage themselves.
void check_image_file(const fs::path& path);

}  // namespace seg
