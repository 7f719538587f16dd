#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include "data/instance_labels.h"
#include "data/phantom.h"
#include "data/phantom_shapes.h"

namespace seg {
namespace {

constexpr std::int64_t kSide = 256;
constexpr double kSmallestShare = 0.6;  // of a nucleus that must stay visible under the others
using Colour = std::array<double, 3>;

/// One nucleus: an ellipse with a wobbling outline.
struct Nucleus {
  Point center;
  double long_radius, short_radius, angle;
  double wobble, phase;  ///< relative amplitude, and where along the outline
  double stain;          ///< darkness against the others, about 1
  /// Relative distance from the middle: 1 on the outline.
  double radius_at(const Point& p) const {
    const Point d = p - center;
    const double c = std::cos(angle), s = std::sin(angle);
    const double u = (c * d.x + s * d.y) / long_radius, v = (c * d.y - s * d.x) / short_radius;
    const double direction = std::atan2(v, u);
    const double outline =
        1 + wobble * (std::sin(2 * direction + phase) + 0.6 * std::sin(3 * direction - phase));
    return std::hypot(u, v) / outline;
  }
};

struct Stain {
  bool fluorescent;
  Colour background, cytoplasm, nucleus;
};

Stain make_stain(Rng& rng) {
  if (rng.chance(1.0 / 3)) {
    const double dark = rng.uniform(0.02, 0.10), bright = rng.uniform(0.45, 0.85);
    return {true, {dark, dark, dark}, {dark * 1.6, dark * 1.6, dark * 1.6}, {bright, bright, bright}};
  }
  const auto near = [&](double value) { return value * rng.uniform(0.92, 1.06); };
  return {false,
          {near(0.93), near(0.87), near(0.91)},
          {near(0.84), near(0.60), near(0.74)},
          {near(0.38), near(0.25), near(0.52)}};
}

/// Nuclei one after the other; half of them lean on an earlier one, so that many touch.
std::vector<Nucleus> place_nuclei(Rng& rng) {
  const int count = 30 + static_cast<int>(rng.below(50));
  const double typical = rng.uniform(8, 13);
  std::vector<Nucleus> nuclei;
  for (int i = 0; i < count; ++i) {
    Nucleus n;
    n.long_radius = typical * rng.uniform(0.75, 1.5);
    n.short_radius = n.long_radius * rng.uniform(0.6, 1.0);
    n.angle = rng.uniform(0, std::numbers::pi);
    n.wobble = rng.uniform(0.0, 0.08);
    n.phase = rng.uniform(0, 2 * std::numbers::pi);
    n.stain = rng.uniform(0.65, 1.15);
    n.center = {rng.uniform(0, kSide), rng.uniform(0, kSide), 0};
    if (!nuclei.empty() && rng.chance(0.5)) {
      const Nucleus& other = nuclei[static_cast<std::size_t>(rng.below(std::ssize(nuclei)))];
      const double direction = rng.uniform(0, 2 * std::numbers::pi);
      const double apart = 0.88 * (n.short_radius + other.short_radius) + rng.uniform(0, 4);
      n.center = other.center + Point{apart * std::cos(direction), apart * std::sin(direction), 0};
    }
    nuclei.push_back(n);
  }
  return nuclei;
}

/// Calls `body(y, x, radius)` for the pixels of a nucleus and a little around it.
template <class Body>
void for_pixels(const Nucleus& n, Body&& body) {
  const double reach = 1.3 * n.long_radius + 2;
  const auto bound = [](double v) {
    return std::clamp<std::int64_t>(static_cast<std::int64_t>(v), 0, kSide);
  };
  for (std::int64_t y = bound(n.center.y - reach); y < bound(n.center.y + reach); ++y)
    for (std::int64_t x = bound(n.center.x - reach); x < bound(n.center.x + reach); ++x)
      body(y, x, n.radius_at({static_cast<double>(x), static_cast<double>(y), 0}));
}

/// Drops a nucleus that would hide too much of the ones below it or lie mostly outside; numbers the others.
Labels number_nuclei(std::vector<Nucleus>& nuclei) {
  Labels instances({1, 1, kSide, kSide});
  std::vector<Nucleus> kept;
  for (const Nucleus& n : nuclei) {
    std::int64_t inside = 0, free = 0;
    for_pixels(n, [&](std::int64_t y, std::int64_t x, double radius) {
      if (radius > 1) return;
      ++inside;
      free += instances.at(0, 0, y, x) == 0;
    });
    const double whole = std::numbers::pi * n.long_radius * n.short_radius;
    if (static_cast<double>(free) < kSmallestShare * static_cast<double>(inside)) continue;
    if (static_cast<double>(inside) < 0.3 * whole) continue;
    kept.push_back(n);
    for_pixels(n, [&](std::int64_t y, std::int64_t x, double radius) {
      if (radius <= 1 && instances.at(0, 0, y, x) == 0)
        instances.at(0, 0, y, x) = static_cast<std::int32_t>(kept.size());
    });
  }
  nuclei = std::move(kept);
  return instances;
}

/// Uneven light and camera noise; a grey picture (1 noise channel) stays grey.
void light_and_noise(Image& image, Rng& rng, const SmoothNoise& shading, std::uint64_t noise_channels) {
  const double gradient = rng.uniform(0.08, 0.2), noise = rng.uniform(0.008, 0.02);
  const std::uint64_t key = rng.next();
  for (std::int64_t c = 0; c < 3; ++c) {
    Rng noise_rng(key, static_cast<std::uint64_t>(c) % noise_channels);
    for (std::int64_t i = 0; i < kSide * kSide; ++i) {
      const std::int64_t x = i % kSide, y = i / kSide;
      const Point p{static_cast<double>(x), static_cast<double>(y), 0};
      float& value = image.channel(c)[static_cast<std::size_t>(i)];
      const double lit = value * (1 + gradient * shading(p)) + noise * noise_rng.normal();
      value = static_cast<float>(std::round(255 * std::clamp(lit, 0.0, 1.0)));
    }
  }
}

}  // namespace

PhantomCase render_cells(std::uint64_t seed, int index) {
  Rng rng(seed, static_cast<std::uint64_t>(index));
  const Stain stain = make_stain(rng);
  std::vector<Nucleus> nuclei = place_nuclei(rng);
  const SmoothNoise fibres(rng, 38), grain(rng, 4), chromatin(rng, 5), shading(rng, 300);
  PhantomCase result;
  result.geometry.dimension = 2;
  result.geometry.spacing = {999, 1, 1};
  result.instances = number_nuclei(nuclei);
  result.labels = three_class_labels(result.instances, BoundaryRule::inner);
  result.image = Image({3, 1, kSide, kSide});
  const auto put = [&](std::int64_t y, std::int64_t x, const Colour& colour) {
    for (std::int64_t c = 0; c < 3; ++c)
      result.image.at(c, 0, y, x) = static_cast<float>(colour[static_cast<std::size_t>(c)]);
  };
  for (std::int64_t y = 0; y < kSide; ++y) {
    for (std::int64_t x = 0; x < kSide; ++x) {
      const Point p{static_cast<double>(x), static_cast<double>(y), 0};
      const double tissue = smooth_step(-0.35, 0.45, fibres.fractal({p.x, 2.2 * p.y, 0}, 4) + 0.1 * grain(p));
      put(y, x, mix(stain.background, stain.cytoplasm, tissue));
    }
  }
  for (std::size_t i = 0; i < nuclei.size(); ++i) {
    const Nucleus& n = nuclei[i];
    for_pixels(n, [&](std::int64_t y, std::int64_t x, double radius) {
      const std::int32_t owner = result.instances.at(0, 0, y, x);
      if (owner != 0 && owner != static_cast<std::int32_t>(i) + 1) return;
      const Point p{static_cast<double>(x), static_cast<double>(y), 0};
      const double rim = 0.22 * smooth_step(0.7, 0.97, radius);
      const double clumps = 0.16 * chromatin.fractal(p, 2);
      const double depth = stain.fluorescent ? 1 - 0.35 * radius * radius + clumps : 0.86 + rim + clumps;
      const double share =
          coverage((radius - 1) * n.short_radius, 1.0) * std::clamp(n.stain * depth, 0.0, 1.0);
      Colour colour{};
      for (std::size_t c = 0; c < 3; ++c)
        colour[c] = mix(result.image.at(static_cast<std::int64_t>(c), 0, y, x), stain.nucleus[c], share);
      put(y, x, colour);
    });
  }
  blur_slices(result.image, rng.uniform(0.5, 0.9));
  light_and_noise(result.image, rng, shading, stain.fluorescent ? 1 : 3);
  return result;
}

}  // namespace seg
