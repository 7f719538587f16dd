#include "image/dicom.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "image/file_checks.h"

namespace seg {
namespace {

constexpr double kUneven = 0.1;  // of the mean distance of slices; rounded positions stay far below

struct Slice {
  fs::path path;
  LoadedImage image;
  double position = 0;  ///< mm along the normal of the first slice
};

bool is_slice(const fs::path& file) {
  return file.filename() != "DICOMDIR" && is_dicom_file(file);
}

/// Column `axis` of a direction matrix.
Vec3 axis_of(const Geometry& geometry, std::size_t axis) {
  const auto& d = geometry.direction;
  return {d[axis], d[3 + axis], d[6 + axis]};
}

double dot(const Vec3& a, const Vec3& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

Vec3 normal_of(const Geometry& geometry) {
  const Vec3 x = axis_of(geometry, 0), y = axis_of(geometry, 1);
  return {x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0]};
}

/// Reads all files, which must be slices of one series on parallel grids.
std::vector<Slice> read_slices(const fs::path& folder, const std::vector<fs::path>& files) {
  std::vector<Slice> slices;
  std::map<std::string, std::size_t> series;
  for (const fs::path& file : files) {
    DicomFile read = read_dicom_file(file);
    ++series[read.series];
    slices.push_back({file, std::move(read.image)});
  }
  if (series.size() > 1) {
    throw Error(fmt::format("{} holds {} DICOM series, expected one", folder.string(), series.size()),
                "put the files of each series into a folder of their own");
  }
  const Slice& first = slices.front();
  const Vec3 normal = normal_of(first.image.geometry);
  for (Slice& slice : slices) {
    slice.position = dot(slice.image.geometry.origin, normal);
    Geometry beside = slice.image.geometry;  // only the place along the normal may differ
    beside.origin = first.image.geometry.origin;
    beside.spacing[0] = first.image.geometry.spacing[0];
    const auto differences =
        compare_grids({first.path.string(), first.image.voxels.space(), first.image.geometry},
                      {slice.path.string(), slice.image.voxels.space(), beside});
    for (const std::string& text : {differences.size, differences.spacing, differences.direction})
      if (!text.empty()) throw Error(text);
  }
  std::sort(slices.begin(), slices.end(),
            [](const Slice& a, const Slice& b) { return a.position < b.position; });
  return slices;
}

/// The mean distance of neighbours, none of which may differ much from it.
double slice_distance(const std::vector<Slice>& slices) {
  const double mean =
      (slices.back().position - slices.front().position) / static_cast<double>(slices.size() - 1);
  for (std::size_t i = 1; i < slices.size(); ++i) {
    const double distance = slices[i].position - slices[i - 1].position;
    if (std::abs(distance - mean) <= kUneven * mean && mean > 0) continue;
    throw Error(fmt::format("{} and {} lie {:.4g} mm apart, the slices of the series {:.4g} mm on average",
                            slices[i - 1].path.string(), slices[i].path.string(), distance, mean),
                "a slice is missing, or there twice");
  }
  return mean;
}

}  // namespace

bool is_dicom_folder(const fs::path& folder) {
  if (!fs::is_directory(folder)) return false;
  const auto files = list_files(folder);
  return std::any_of(files.begin(), files.end(), is_slice);
}

LoadedImage read_dicom_series(const fs::path& folder) {
  auto files = list_files(folder);
  std::erase_if(files, [](const fs::path& file) { return !is_slice(file); });
  if (files.empty()) fail("{} holds no DICOM file", folder.string());
  std::vector<Slice> slices = read_slices(folder, files);
  LoadedImage volume{{}, slices.front().image.geometry};
  const Shape4 shape = slices.front().image.voxels.shape;
  if (slices.size() == 1) return std::move(slices.front().image);
  if (shape[0] != 1 || shape[1] != 1)
    fail("{}: expected one grey slice per file, got {} slices of {} channels", slices.front().path.string(),
         shape[1], shape[0]);
  volume.geometry.spacing[0] = slice_distance(slices);
  const Vec3 normal = normal_of(volume.geometry);
  for (std::size_t row = 0; row < 3; ++row) volume.geometry.direction[3 * row + 2] = normal[row];
  volume.voxels.shape = {1, std::ssize(slices), shape[2], shape[3]};
  for (const Slice& slice : slices)
    volume.voxels.data.insert(volume.voxels.data.end(), slice.image.voxels.data.begin(),
                              slice.image.voxels.data.end());
  return volume;
}

}  // namespace seg
