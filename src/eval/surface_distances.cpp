#include "eval/surface_distances.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "eval/statistics.h"
#include "eval/surfel.h"
#include "image/distance_transform.h"

namespace seg {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The neighbour codes of a mask: one more than voxels along each axis, code (z, y, x) covering the voxels
/// (z-1..z, y-1..y, x-1..x). Of a picture there is one slice, whose voxels go on for ever along z.
struct NeighbourCodes {
  Shape3 size{};
  std::vector<std::uint8_t> codes;
};

/// Codes of one row from the rows before (z-1, y-1), (z-1, y), (z, y-1) and (z, y); nullptr is background.
void add_codes(const std::array<const std::uint8_t*, 4>& rows, std::int64_t width, std::uint8_t* codes) {
  // Each row gives two bits, of x - 1 and x: shifts 6, 4, 2, 0 of the right one.
  for (std::size_t i = 0; i < 4; ++i) {
    if (rows[i] == nullptr) continue;
    const auto shift = static_cast<unsigned>(6 - 2 * i);
    for (std::int64_t x = 0; x < width; ++x) codes[x] |= static_cast<std::uint8_t>(rows[i][x] << shift);
  }
  for (std::int64_t x = width; x > 0; --x)
    codes[x] = static_cast<std::uint8_t>(codes[x] | static_cast<unsigned>(codes[x - 1] & 0x55U) << 1U);
}

NeighbourCodes neighbour_codes(const std::vector<std::uint8_t>& mask, const Shape3& size, bool picture) {
  NeighbourCodes result{{picture ? 1 : size[0] + 1, size[1] + 1, size[2] + 1}, {}};
  const Shape3& grid = result.size;
  result.codes.assign(static_cast<std::size_t>(grid[0] * grid[1] * grid[2]), 0);
  const auto row = [&](std::int64_t z, std::int64_t y) -> const std::uint8_t* {
    if (picture) z = 0;
    const bool inside = z >= 0 && z < size[0] && y >= 0 && y < size[1];
    return inside ? mask.data() + (z * size[1] + y) * size[2] : nullptr;
  };
  for (std::int64_t z = 0; z < grid[0]; ++z) {
    for (std::int64_t y = 0; y < grid[1]; ++y)
      add_codes({row(z - 1, y - 1), row(z - 1, y), row(z, y - 1), row(z, y)}, size[2],
                result.codes.data() + (z * grid[1] + y) * grid[2]);
  }
  return result;
}

bool is_surface(std::uint8_t code) {
  return code != 0 && code != 255;
}

/// Squared distances of all places to the nearest surface code.
std::vector<double> distances_to(const NeighbourCodes& surface, const Vec3& spacing) {
  std::vector<std::uint8_t> seeds(surface.codes.size());
  std::transform(surface.codes.begin(), surface.codes.end(), seeds.begin(),
                 [](std::uint8_t code) { return static_cast<std::uint8_t>(is_surface(code)); });
  return squared_distances(seeds, surface.size, spacing);
}

std::vector<Surfel> surfels_of(const NeighbourCodes& surface, const std::vector<double>& squared,
                               const std::array<double, 256>& areas) {
  std::vector<Surfel> surfels;
  for (std::size_t i = 0; i < surface.codes.size(); ++i) {
    if (is_surface(surface.codes[i])) surfels.push_back({std::sqrt(squared[i]), areas[surface.codes[i]]});
  }
  return surfels;
}

double total_area(std::span<const Surfel> surfels) {
  double sum = 0;
  for (const auto& surfel : surfels) sum += surfel.area;
  return sum;
}

double area_within(std::span<const Surfel> surfels, double tolerance) {
  double sum = 0;
  for (const auto& surfel : surfels) sum += surfel.distance <= tolerance ? surfel.area : 0;
  return sum;
}

/// The distance below which `share` of the area lies.
double directed_hausdorff(std::vector<Surfel> surfels, double share) {
  std::sort(surfels.begin(), surfels.end(), [](const Surfel& a, const Surfel& b) {
    return a.distance != b.distance ? a.distance < b.distance : a.area < b.area;
  });
  const double total = total_area(surfels);
  double sum = 0;
  for (const auto& surfel : surfels) {
    sum += surfel.area;
    if (sum / total >= share) return surfel.distance;
  }
  return surfels.back().distance;  // rounding: the sum stays below 1
}

}  // namespace

SurfaceDistances surface_distances(const MaskPair& masks) {
  const auto voxels = static_cast<std::size_t>(masks.size[0] * masks.size[1] * masks.size[2]);
  if (masks.reference.size() != voxels || masks.prediction.size() != voxels)
    fail("surface distances: expected two masks of {} voxels, got {} and {}", voxels, masks.reference.size(),
         masks.prediction.size());
  if (masks.picture && masks.size[0] != 1)
    fail("surface distances: expected a picture, got {} slices", masks.size[0]);
  Vec3 spacing = masks.spacing;
  if (masks.picture) spacing[0] = 1;
  const auto reference = neighbour_codes(masks.reference, masks.size, masks.picture);
  const auto prediction = neighbour_codes(masks.prediction, masks.size, masks.picture);
  const auto areas = surfel_areas(spacing);
  return {surfels_of(reference, distances_to(prediction, spacing), areas),
          surfels_of(prediction, distances_to(reference, spacing), areas)};
}

double surface_dice(const SurfaceDistances& distances, double tolerance) {
  const double total = total_area(distances.from_reference) + total_area(distances.from_prediction);
  const double within =
      area_within(distances.from_reference, tolerance) + area_within(distances.from_prediction, tolerance);
  return total > 0 ? within / total : kNaN;
}

double mean_distance(std::span<const Surfel> surfels) {
  double sum = 0;
  for (const auto& surfel : surfels) sum += surfel.distance * surfel.area;
  return surfels.empty() ? kNaN : sum / total_area(surfels);
}

double average_surface_distance(const SurfaceDistances& distances) {
  const auto& [reference, prediction] = distances;
  if (reference.empty() != prediction.empty()) return kInfinity;
  return (mean_distance(reference) + mean_distance(prediction)) / 2;
}

double hausdorff_distance(const SurfaceDistances& distances, double share) {
  if (distances.from_reference.empty() || distances.from_prediction.empty()) return kInfinity;
  return std::max(directed_hausdorff(distances.from_reference, share),
                  directed_hausdorff(distances.from_prediction, share));
}

}  // namespace seg
