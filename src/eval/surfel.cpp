// The surface of a neighbour code is a set of closed polygons over the midpoints of the cell's cut edges.
// On a face with two cut edges it joins them; on a face with four it cuts off the two inside corners one by
// one. Inside is the smaller part: a code with more than four corners is the surface of its complement.
#include "eval/surfel.h"

#include <bit>
#include <cmath>
#include <vector>

namespace seg {
namespace {

/// A cell's corner is the number z y x in binary; an edge is two corners, and its midpoint in half steps.
using Midpoint = std::array<int, 3>;
using Polygon = std::vector<Midpoint>;

bool is_inside(unsigned code, unsigned corner) {
  return ((code >> (7 - corner)) & 1U) != 0;
}

Midpoint midpoint(unsigned a, unsigned b) {
  const auto sum = [&](unsigned bit) { return static_cast<int>((a >> bit & 1U) + (b >> bit & 1U)); };
  return {sum(2), sum(1), sum(0)};
}

struct Segment {
  Midpoint from, to;
};

/// Where the surface crosses one face, whose corners are given in a circle.
void add_segments(unsigned code, const std::array<unsigned, 4>& face, std::vector<Segment>& segments) {
  std::vector<Midpoint> cuts;
  std::size_t first_inside = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    if (is_inside(code, face[i]) == is_inside(code, face[(i + 1) % 4])) continue;
    if (cuts.empty()) first_inside = is_inside(code, face[i]) ? 0 : 1;
    cuts.push_back(midpoint(face[i], face[(i + 1) % 4]));
  }
  if (cuts.size() == 2) segments.push_back({cuts[0], cuts[1]});
  if (cuts.size() != 4) return;
  // Cut i lies behind corner i: around the inside corners are the cuts (i - 1, i).
  segments.push_back({cuts[(first_inside + 3) % 4], cuts[first_inside]});
  segments.push_back({cuts[(first_inside + 1) % 4], cuts[first_inside + 2]});
}

std::vector<Segment> segments_of(unsigned code) {
  std::vector<Segment> segments;
  for (unsigned axis = 0; axis < 3; ++axis) {
    const unsigned u = 1U << ((axis + 1) % 3), v = 1U << ((axis + 2) % 3);
    for (const unsigned side : {0U, 1U << axis})
      add_segments(code, {side, side | u, side | u | v, side | v}, segments);
  }
  return segments;
}

/// Chains the segments; every midpoint has exactly two, one on each face beside its edge.
std::vector<Polygon> polygons_of(std::vector<Segment> segments) {
  std::vector<Polygon> polygons;
  while (!segments.empty()) {
    Polygon polygon{segments.back().from};
    Midpoint end = segments.back().to;
    segments.pop_back();
    while (end != polygon.front()) {
      polygon.push_back(end);
      for (auto& segment : segments) {
        if (segment.from != end && segment.to != end) continue;
        end = segment.from == end ? segment.to : segment.from;
        segment = segments.back();
        segments.pop_back();
        break;
      }
    }
    polygons.push_back(std::move(polygon));
  }
  return polygons;
}

double triangle_area(const Midpoint& a, const Midpoint& b, const Midpoint& c, const Vec3& spacing) {
  Vec3 u{}, v{};
  for (std::size_t i = 0; i < 3; ++i) {
    u[i] = (b[i] - a[i]) * 0.5 * spacing[i];
    v[i] = (c[i] - a[i]) * 0.5 * spacing[i];
  }
  return 0.5 * std::hypot(u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]);
}

struct Area {
  double unit = 0;    ///< with spacing 1, 1, 1
  double actual = 0;  ///< mm^2
};

/// The area of the corners first..last of a polygon. Corners that are not in one plane can be joined by
/// different triangles: taken are those with the largest area in the unit cell (where several have it, they
/// lie in the same planes).
Area area_of(const Polygon& polygon, std::size_t first, std::size_t last, const Vec3& spacing) {
  constexpr double kTie = 1e-9;
  Area best;
  for (std::size_t i = first + 1; i < last; ++i) {
    const Area left = area_of(polygon, first, i, spacing), right = area_of(polygon, i, last, spacing);
    const auto triangle = [&](const Vec3& s) {
      return triangle_area(polygon[first], polygon[i], polygon[last], s);
    };
    const Area area{left.unit + right.unit + triangle({1, 1, 1}),
                    left.actual + right.actual + triangle(spacing)};
    if (area.unit > best.unit + kTie) best = area;
  }
  return best;
}

}  // namespace

std::array<double, 256> surfel_areas(const Vec3& spacing) {
  std::array<double, 256> areas{};
  for (unsigned code = 1; code < 255; ++code) {
    const unsigned inside = std::popcount(code) <= 4 ? code : 255 - code;
    for (const auto& polygon : polygons_of(segments_of(inside)))
      areas[code] += area_of(polygon, 0, polygon.size() - 1, spacing).actual;
  }
  return areas;
}

}  // namespace seg
