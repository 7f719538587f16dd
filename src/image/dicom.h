// DICOM series: a folder with one file per slice.
#pragma once
#include <string>

#include "base/files.h"
#include "image/image_io.h"

namespace seg {

/// True for a folder that holds DICOM files (not in folders below it), whatever their endings.
bool is_dicom_folder(const fs::path& folder);

/// Stacks the slices of a folder by their position along the slices' normal, as ITK does: values are rescaled
/// by the file's slope and intercept, the distance of slices is the mean distance of their positions. Files
/// of other kinds are left alone. Throws Error naming the file for a folder of several series, for slices
/// that differ in size, spacing or direction, lie in one place or leave a gap, and for unreadable files.
LoadedImage read_dicom_series(const fs::path& folder);

/// One file, and the series it belongs to (SeriesInstanceUID).
struct DicomFile {
  LoadedImage image;
  std::string series;
};
DicomFile read_dicom_file(const fs::path& path);

}  // namespace seg
