#include "image/grid_check.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/log.h"

namespace seg {
namespace {

bool close(double a, double b) {
  return std::abs(a - b) <= 1e-8 + 1e-5 * std::abs(b);  // NumPy's allclose
}

template <class Values>
bool all_close(const Values& a, const Values& b) {
  return std::equal(a.begin(), a.end(), b.begin(), close);
}

}  // namespace

GridDifferences compare_grids(const NamedGrid& image, const NamedGrid& other) {
  const auto differ = [&](std::string_view what) {
    return fmt::format("{} and {} differ in {}", image.name, other.name, what);
  };
  GridDifferences differences;
  if (image.size != other.size)
    differences.size = fmt::format("{}: {} and {} (z, y, x)", differ("size"), fmt::join(image.size, " x "),
                                   fmt::join(other.size, " x "));
  const Geometry &a = image.geometry, &b = other.geometry;
  if (!all_close(a.spacing, b.spacing))
    differences.spacing = fmt::format("{}: {} and {} mm (z, y, x)", differ("spacing"),
                                      fmt::join(a.spacing, " x "), fmt::join(b.spacing, " x "));
  if (!all_close(a.origin, b.origin))
    differences.origin = fmt::format("{}: {} and {} mm (x, y, z)", differ("origin"),
                                     fmt::join(a.origin, ", "), fmt::join(b.origin, ", "));
  if (!all_close(a.direction, b.direction))
    differences.direction = differ("direction (orientation of the axes)");
  return differences;
}

void check_same_grid(const Geometry& image, const Shape3& image_size, const std::string& image_name,
                     const Geometry& label, const Shape3& label_size, const std::string& label_name) {
  const auto differences = compare_grids({image_name, image_size, image}, {label_name, label_size, label});
  if (!differences.size.empty()) throw Error(differences.size);
  if (!differences.spacing.empty()) throw Error(differences.spacing);
  for (const std::string& text : {differences.origin, differences.direction})
    if (!text.empty()) warn_text(text);
}

}  // namespace seg
