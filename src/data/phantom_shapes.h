// Building blocks of the synthetic images: smooth noise, soft shapes, blur. The same on every machine.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "base/rng.h"
#include "image/volume.h"

namespace seg {

/// A point or vector x, y, z.
struct Point {
  double x = 0, y = 0, z = 0;
  Point operator+(const Point& o) const { return {x + o.x, y + o.y, z + o.z}; }
  Point operator-(const Point& o) const { return {x - o.x, y - o.y, z - o.z}; }
  Point operator*(double s) const { return {x * s, y * s, z * s}; }
};

/// Smooth random field in [-1, 1]: random values on a lattice of `wavelength`, smoothly interpolated.
class SmoothNoise {
 public:
  SmoothNoise(Rng& rng, double wavelength) : key_(rng.next()), wavelength_(wavelength) {}
  double operator()(const Point& p) const;
  /// Sum of `octaves` fields, each half as long and half as strong; about [-1, 1].
  double fractal(const Point& p, int octaves) const;

 private:
  std::uint64_t key_;
  double wavelength_;
};

double mix(double a, double b, double t);
std::array<double, 3> mix(const std::array<double, 3>& a, const std::array<double, 3>& b, double t);
/// 0 below `low`, 1 above `high`, smooth between.
double smooth_step(double low, double high, double value);
/// How much of a voxel lies inside a shape, from the distance to its surface (negative inside).
double coverage(double distance, double softness);

/// An ellipsoid turned about the z axis. Its distance is exact on the surface and good near it.
struct Ellipsoid {
  Point center, radii;
  double angle = 0;  ///< radians
  double distance(const Point& p) const;
};

/// Distance to a union whose seam is rounded over `rounding`.
double smooth_union(double a, double b, double rounding);

/// Gaussian blur of every slice of every channel; `sigma` in pixels, edges repeated.
void blur_slices(Image& image, double sigma);

/// Magnitude of a complex signal with normal noise in both parts, as MR scanners give it.
double rician(double value, double sigma, Rng& rng);

}  // namespace seg
