// Reading and writing medical and natural images. The only file that knows ITK.
#pragma once
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "image/grid_check.h"
#include "image/volume.h"

namespace seg {

/// File endings that can be read.
inline constexpr std::array<std::string_view, 10> kImageEndings{".nii.gz", ".nii", ".nrrd", ".mha", ".png",
                                                                ".bmp",    ".tif", ".tiff", ".jpg", ".jpeg"};

struct LoadedImage {
  Image voxels;  ///< [channels, z, y, x] float32; RGB files give 3 channels
  Geometry geometry;
};

struct LoadedLabels {
  Labels voxels;  ///< [1, z, y, x]
  Geometry geometry;
};

/// What reading changes on the way.
inline constexpr std::string_view kAlphaRemark = "the alpha channel is dropped";
inline constexpr std::string_view kPaletteRemark = "the palette is expanded to red, green and blue";

/// Reads one file, or a folder that holds a DICOM series (image/dicom.h). Spacing of a 2-D medical image is
/// (999*max, y, x) and of a natural image (999, 1, 1), as nnU-Net's readers give it. A TIFF of several pages
/// is a volume; its spacing (z, y, x) stands in <case>.json beside it: {"spacing": [3, 1, 1]}. A fourth
/// dimension and the components of a pixel become channels; an alpha channel is dropped and a palette
/// expanded, which is added to `remarks`, or without them told once as a warning.
/// Throws Error naming the file for unreadable, truncated or empty files.
LoadedImage read_image(const fs::path& path, std::vector<std::string>* remarks = nullptr);

/// Reads the channel files of one case and stacks their channels.
/// Throws Error naming both files when size or spacing differ; warns about origin and direction.
LoadedImage read_channels(const std::vector<fs::path>& paths);

/// Reads a label image. Throws Error for values that are not integers.
LoadedLabels read_labels(const fs::path& path);

/// How many numbers the file of an image holds, as its header says; 0 where that cannot be read.
std::int64_t numbers_in_header(const fs::path& path);

/// Copies an image as it is, with the spacing beside a TIFF of several pages. Both names have the same
/// ending.
void copy_image(const fs::path& from, const fs::path& to);

/// Writes labels (uint8 while all are below 255, else uint16) atomically, in the format of the file's ending.
/// A volume in a .tif gets a page per slice, and its spacing in a .json beside it.
void write_labels(const fs::path& path, const Labels& labels, const Geometry& geometry);

/// Writes a float image; NIfTI, NRRD, MHA as float32. One file per channel is the caller's business.
void write_image(const fs::path& path, const Image& image, const Geometry& geometry);

/// Writes an 8-bit picture [height, width, 3] (RGB, interleaved) as PNG.
void write_rgb_png(const fs::path& path, std::int64_t height, std::int64_t width,
                   const std::vector<std::uint8_t>& rgb);

/// The same for an image [3, 1, y, x] of values in 0..255, which are rounded and clipped.
void write_rgb_png(const fs::path& path, const Image& image);

}  // namespace seg
