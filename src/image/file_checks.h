// Is an image file complete? The libraries that decode images fill what is missing with zeros or abort the
// process, so damage is looked for first.
#pragma once
#include <optional>
#include <string>

#include "base/files.h"

namespace seg {

/// Throws Error naming the file, and where it can what was expected and found, when the file is empty,
/// truncated or not of the kind its ending says. For every ending that can be read.
void check_image_file(const fs::path& path);

/// Voxels of a NIfTI file that are NaN or infinite, which its reader turns into 0. The file must be whole.
std::uint64_t count_nonfinite_nifti(const fs::path& path);

/// The bytes of a BMP that has a later header (version 4 or 5) with the first kind in its place, which is all
/// that ITK reads; nothing for other files. The file must be whole.
std::optional<std::string> with_first_bmp_header(const fs::path& path);

/// True for a file that starts as DICOM files do: "DICM" behind 128 bytes.
bool is_dicom_file(const fs::path& path);

}  // namespace seg
