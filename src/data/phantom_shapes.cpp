#include "data/phantom_shapes.h"

#include <vector>

namespace seg {
namespace {

/// A random number in [-1, 1] for a lattice point.
double lattice(std::uint64_t key, std::int64_t x, std::int64_t y, std::int64_t z) {
  std::uint64_t state = key ^ (static_cast<std::uint64_t>(x) * 0x9E3779B97F4A7C15u) ^
                        (static_cast<std::uint64_t>(y) * 0xC2B2AE3D27D4EB4Fu) ^
                        (static_cast<std::uint64_t>(z) * 0x165667B19E3779F9u);
  return static_cast<double>(split_mix(state) >> 11) * 0x1.0p-52 - 1.0;
}

double fade(double t) {
  return t * t * t * (t * (6 * t - 15) + 10);
}

}  // namespace

double SmoothNoise::operator()(const Point& p) const {
  const std::array<double, 3> at{p.x / wavelength_, p.y / wavelength_, p.z / wavelength_};
  std::array<std::int64_t, 3> cell{};
  std::array<double, 3> t{};
  for (std::size_t i = 0; i < 3; ++i) {
    cell[i] = static_cast<std::int64_t>(std::floor(at[i]));
    t[i] = fade(at[i] - static_cast<double>(cell[i]));
  }
  const auto along_x = [&](int dy, int dz) {
    return mix(lattice(key_, cell[0], cell[1] + dy, cell[2] + dz),
               lattice(key_, cell[0] + 1, cell[1] + dy, cell[2] + dz), t[0]);
  };
  return mix(mix(along_x(0, 0), along_x(1, 0), t[1]), mix(along_x(0, 1), along_x(1, 1), t[1]), t[2]);
}

double SmoothNoise::fractal(const Point& p, int octaves) const {
  double sum = 0, strength = 0.5, scale = 1;
  for (int i = 0; i < octaves; ++i, strength /= 2, scale *= 2) {
    const double shift = 17.3 * i * wavelength_;  // octaves must not share their lattice points
    sum += strength * (*this)({p.x * scale + shift, p.y * scale - shift, p.z * scale + shift});
  }
  return sum / (1 - std::pow(0.5, octaves));
}

double mix(double a, double b, double t) {
  return a + (b - a) * t;
}

std::array<double, 3> mix(const std::array<double, 3>& a, const std::array<double, 3>& b, double t) {
  return {mix(a[0], b[0], t), mix(a[1], b[1], t), mix(a[2], b[2], t)};
}

double smooth_step(double low, double high, double value) {
  const double t = std::clamp((value - low) / (high - low), 0.0, 1.0);
  return t * t * (3 - 2 * t);
}

double coverage(double distance, double softness) {
  return 1 - smooth_step(-softness, softness, distance);
}

double Ellipsoid::distance(const Point& p) const {
  const Point d = p - center;
  const double c = std::cos(angle), s = std::sin(angle);
  const Point turned{c * d.x + s * d.y, c * d.y - s * d.x, d.z};
  const Point q{turned.x / radii.x, turned.y / radii.y, turned.z / radii.z};
  const Point g{q.x / radii.x, q.y / radii.y, q.z / radii.z};
  const double k0 = std::sqrt(q.x * q.x + q.y * q.y + q.z * q.z);
  const double k1 = std::sqrt(g.x * g.x + g.y * g.y + g.z * g.z);
  return k1 > 1e-9 ? k0 * (k0 - 1) / k1 : -std::min({radii.x, radii.y, radii.z});
}

double smooth_union(double a, double b, double rounding) {
  const double h = std::max(rounding - std::abs(a - b), 0.0) / rounding;
  return std::min(a, b) - h * h * rounding / 4;
}

void blur_slices(Image& image, double sigma) {
  const auto reach = static_cast<std::int64_t>(std::ceil(3 * sigma));
  std::vector<double> weights;
  double sum = 0;
  for (std::int64_t i = -reach; i <= reach; ++i)
    sum += weights.emplace_back(std::exp(-0.5 * static_cast<double>(i * i) / (sigma * sigma)));
  const auto [channels, depth, height, width] = image.shape;
  // Blurs lines of `count` pixels, `step` apart; `lines` are `line_step` apart.
  const auto blur = [&](float* slice, std::int64_t count, std::int64_t step, std::int64_t lines,
                        std::int64_t line_step) {
    std::vector<float> line(static_cast<std::size_t>(count));
    for (std::int64_t l = 0; l < lines; ++l) {
      float* from = slice + l * line_step;
      for (std::int64_t i = 0; i < count; ++i) line[static_cast<std::size_t>(i)] = from[i * step];
      for (std::int64_t i = 0; i < count; ++i) {
        double value = 0;
        for (std::int64_t k = -reach; k <= reach; ++k)
          value += weights[static_cast<std::size_t>(k + reach)] *
                   line[static_cast<std::size_t>(std::clamp<std::int64_t>(i + k, 0, count - 1))];
        from[i * step] = static_cast<float>(value / sum);
      }
    }
  };
  for (std::int64_t s = 0; s < channels * depth; ++s) {
    float* slice = image.data.data() + s * height * width;
    blur(slice, width, 1, height, width);
    blur(slice, height, width, width, 1);
  }
}

double rician(double value, double sigma, Rng& rng) {
  const double real = value + sigma * rng.normal(), imaginary = sigma * rng.normal();
  return std::sqrt(real * real + imaginary * imaginary);
}

}  // namespace seg
