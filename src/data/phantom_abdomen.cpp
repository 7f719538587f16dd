#include <cmath>
#include <numbers>
#include <vector>

#include "data/phantom.h"
#include "data/phantom_shapes.h"

namespace seg {
namespace {

constexpr std::int64_t kSize = 160;     // voxels along x and y
constexpr double kSofteningMm = 1.6;    // half width of the transition at a surface
constexpr std::int64_t kSubSlices = 2;  // partial volume along the thick slices

const Ellipsoid kSkin{{0, 4, 0}, {148, 106, 900}, 0};

/// One body: shapes in mm (x to the left, y to the back, z up) and the contrast of its scan.
struct Body {
  Rng rng;
  double size, belly;  ///< relative size, and thickness of the fat under the skin in mm
  Ellipsoid liver_right, liver_left, gall, pancreas, spleen, spleen_dent, kidney[2], sinus[2], stomach;
  std::vector<Ellipsoid> bowel;
  Point aorta, cava;
  double liver, spleen_tone, cortex, medulla, blood, fat, muscle, bone;  ///< intensities
  SmoothNoise bend_x, bend_y, bend_z, texture, vessels, bias, fluid;

  explicit Body(Rng& random);
};

/// `value` times 1 +- `share`.
double vary(Rng& rng, double value, double share) {
  return value * rng.uniform(1 - share, 1 + share);
}

Point vary(Rng& rng, const Point& p, double mm) {
  return {p.x + rng.uniform(-mm, mm), p.y + rng.uniform(-mm, mm), p.z + rng.uniform(-mm, mm)};
}

Ellipsoid organ(Rng& rng, const Point& center, const Point& radii, double angle) {
  return {vary(rng, center, 6),
          {vary(rng, radii.x, 0.12), vary(rng, radii.y, 0.12), vary(rng, radii.z, 0.12)},
          angle + rng.uniform(-0.15, 0.15)};
}

Body::Body(Rng& random)
    : rng(random),
      size(rng.uniform(0.92, 1.06)),
      belly(rng.uniform(9, 24)),
      bend_x(rng, 70),
      bend_y(rng, 70),
      bend_z(rng, 80),
      texture(rng, 9),
      vessels(rng, 34),
      bias(rng, 190),
      fluid(rng, 30) {
  liver_right = organ(rng, {-66, -8, 18}, {62, 66, 62}, 0.2);
  liver_left = organ(rng, {-8, -48, 30}, {62, 28, 30}, 0.1);
  gall = organ(rng, {-38, -38, -18}, {13, 17, 20}, 0.5);
  pancreas = organ(rng, {18, -2, -2}, {48, 13, 16}, -0.25);
  spleen = organ(rng, {92, 32, 26}, {34, 46, 40}, -0.5);
  spleen_dent = {spleen.center - Point{34, 12, 4}, {26, 44, 44}, -0.5};
  for (int side = 0; side < 2; ++side) {
    const double sign = side == 0 ? -1 : 1;
    kidney[side] = organ(rng, {sign * 63, 44, side == 0 ? -26.0 : -14.0}, {25, 29, 50}, sign * 0.5);
    sinus[side] = {kidney[side].center - Point{sign * 15, 6, 0}, {14, 8, 17}, sign * 0.5};
  }
  stomach = organ(rng, {48, -38, 24}, {40, 30, 36}, 0.6);
  for (int i = 0; i < 26; ++i) {
    const double radius = rng.uniform(11, 19);
    bowel.push_back({{rng.uniform(-85, 95), rng.uniform(-66, 12), rng.uniform(-100, -8)},
                     {radius * rng.uniform(1, 1.7), radius, radius},
                     rng.uniform(0, std::numbers::pi)});
  }
  aorta = {rng.uniform(4, 12), rng.uniform(28, 34), rng.uniform(9, 11.5)};  // z: its radius
  cava = {rng.uniform(-24, -18), rng.uniform(24, 30), rng.uniform(9, 12)};
  liver = vary(rng, 0.40, 0.12);
  spleen_tone = vary(rng, 0.56, 0.12);
  cortex = vary(rng, 0.70, 0.08);
  medulla = vary(rng, 0.52, 0.08);
  blood = rng.chance(0.5) ? rng.uniform(0.10, 0.18) : rng.uniform(0.62, 0.75);
  fat = vary(rng, 0.84, 0.08);
  muscle = vary(rng, 0.26, 0.12);
  bone = vary(rng, 0.50, 0.12);
}

/// What a point is made of while the layers are painted, back to front.
struct Sample {
  double value = 0;
  int label = 0;
  void paint(double distance, double tone, int new_label) {
    const double share = coverage(distance, kSofteningMm);
    value = mix(value, tone, share);
    if (share >= 0.5) label = new_label;
  }
};

/// Distance to a vertical tube that wanders with `wander` mm.
double tube(const Point& p, const Point& center_and_radius, double wander) {
  const double x = center_and_radius.x + wander * std::sin(p.z / 45);
  const double y = center_and_radius.y + wander * std::cos(p.z / 60);
  return std::hypot(p.x - x, p.y - y) - center_and_radius.z;
}

void paint_wall(const Body& body, const Point& p, Sample& sample) {
  const double outside = kSkin.distance(p);
  sample.paint(outside, 0.34, 0);            // skin
  sample.paint(outside + 2.5, body.fat, 0);  // fat under it
  const double flank = body.belly * (1 + 0.35 * body.fluid(p * 0.4));
  sample.paint(outside + flank + 2.5, body.muscle, 0);     // muscle wall
  sample.paint(outside + flank + 13, body.fat * 0.96, 0);  // fat between the organs
}

void paint_back(const Body& body, const Point& p, Sample& sample) {
  const double grain = 0.03 * body.texture(p);
  for (const double side : {-1.0, 1.0}) {
    const Ellipsoid back{{side * 36, 86, 0}, {34, 18, 900}, side * 0.2};
    const Ellipsoid psoas{{side * 36, 56, -40}, {15, 17, 75}, side * 0.4};
    sample.paint(back.distance(p), body.muscle + grain, 0);
    sample.paint(psoas.distance(p), body.muscle + grain, 0);
  }
  const double level = p.z / 34 - std::floor(p.z / 34);  // a disc every 34 mm
  const double disc = smooth_step(0.74, 0.80, level) * (1 - smooth_step(0.94, 1.0, level));
  const Ellipsoid vertebra{{0, 60, 0}, {23, 18, 900}, 0};
  const Ellipsoid arch{{0, 84, 0}, {17, 15, 900}, 0};
  const Ellipsoid canal{{0, 81, 0}, {9, 7.5, 900}, 0};
  sample.paint(arch.distance(p), body.bone * 0.8, 0);
  sample.paint(vertebra.distance(p), 0.15, 0);  // cortical bone
  sample.paint(vertebra.distance(p) + 2, mix(body.bone + grain, 0.22, disc), 0);
  sample.paint(canal.distance(p), 0.92, 0);
  sample.paint(std::hypot(p.x, p.y - 81) - 4, 0.55, 0);  // cord
}

/// Gut: distractors without a label, some as bright as an organ.
void paint_gut(const Body& body, const Point& p, Sample& sample) {
  for (const Ellipsoid& loop : body.bowel) {
    const double distance = loop.distance(p);
    if (distance > 2 * kSofteningMm) continue;
    sample.paint(distance, body.muscle * 1.3, 0);
    sample.paint(distance + 3, 0.5 + 0.38 * body.fluid(p), 0);
  }
  sample.paint(body.pancreas.distance(p) + 2 * body.texture(p), body.liver * 1.2, 0);
  const double stomach = body.stomach.distance(p);
  sample.paint(stomach, body.muscle * 1.4, 0);
  sample.paint(stomach + 4, p.y < body.stomach.center.y - 8 ? 0.05 : 0.78 + 0.1 * body.fluid(p), 0);
}

void paint_organs(const Body& body, const Point& p, Sample& sample) {
  const double grain = 0.035 * body.texture.fractal(p, 2);
  const double liver = smooth_union(body.liver_right.distance(p), body.liver_left.distance(p), 18);
  if (liver < kSofteningMm) {
    const double branch = std::abs(body.vessels(p)) + 0.4 * std::abs(body.fluid(p));
    const double vein = 1 - smooth_step(0.02, 0.12, branch);
    sample.paint(liver, mix(body.liver + grain, body.blood, 0.8 * vein), 1);
  }
  sample.paint(body.gall.distance(p), 0.93, 0);
  const double spleen = std::max(body.spleen.distance(p), -body.spleen_dent.distance(p));
  sample.paint(spleen, body.spleen_tone + grain, 2);
  for (int side = 0; side < 2; ++side) {
    const double kidney = std::max(body.kidney[side].distance(p), -body.sinus[side].distance(p));
    if (kidney > kSofteningMm) continue;
    sample.paint(kidney, body.cortex + grain, 3 + side);
    const double pyramids = smooth_step(-0.1, 0.25, body.fluid(p * 2.2)) * coverage(kidney + 8, 2);
    if (kidney < 0) sample.value = mix(sample.value, body.medulla, pyramids);
  }
  sample.paint(tube(p, body.cava, 3), body.blood * 1.05, 0);
  const double aorta = tube(p, body.aorta, 4);
  sample.paint(aorta, 0.3, 5);  // wall
  sample.paint(aorta + 1.5, body.blood, 5);
}

Sample sample_at(const Body& body, const Point& scanner) {
  const Point p = scanner * (1 / body.size);
  if (kSkin.distance(p) > kSofteningMm) return {};
  const Point bent = p + Point{7 * body.bend_x(p), 7 * body.bend_y(p), 5 * body.bend_z(p)};
  Sample sample;
  paint_wall(body, p, sample);
  const double wall = kSkin.distance(p) + body.belly + 8;
  if (wall < 25) paint_back(body, p + Point{0, 0, 6 * body.bend_z(p)}, sample);
  if (wall > 0) return sample;
  Sample inner = sample;
  paint_gut(body, bent, inner);
  paint_organs(body, bent, inner);
  if (inner.label == 0 && Ellipsoid{{0, 62, 0}, {24, 19, 900}, 0}.distance(p) < 0) return sample;
  return inner;
}

}  // namespace

PhantomCase render_abdomen(std::uint64_t seed, int index) {
  Rng rng(seed, static_cast<std::uint64_t>(index));
  const std::int64_t slices = 16 + rng.below(9);
  PhantomCase result;
  result.geometry.spacing = {rng.uniform(5.5, 7), 0, 0};
  result.geometry.spacing[1] = result.geometry.spacing[2] = rng.uniform(1.9, 2.1);
  const Vec3 spacing = result.geometry.spacing;
  const double middle = 0.5 * (kSize - 1) * spacing[1];
  const double bottom = -0.55 * static_cast<double>(slices) * spacing[0];
  result.geometry.origin = {-middle, -middle, bottom};
  result.image = Image({1, slices, kSize, kSize});
  result.labels = Labels({1, slices, kSize, kSize});
  const Body body(rng);
  const double noise = rng.uniform(0.02, 0.04), shading = rng.uniform(0.2, 0.4);
  for (std::int64_t z = 0; z < slices; ++z) {
    for (std::int64_t y = 0; y < kSize; ++y) {
      for (std::int64_t x = 0; x < kSize; ++x) {
        Point p{-middle + static_cast<double>(x) * spacing[2], -middle + static_cast<double>(y) * spacing[1],
                0};
        double value = 0;
        for (std::int64_t part = 0; part < kSubSlices; ++part) {
          p.z = bottom +
                (static_cast<double>(z) + (static_cast<double>(part) + 0.5) / kSubSlices - 0.5) * spacing[0];
          value += sample_at(body, p).value / kSubSlices;
        }
        p.z = bottom + static_cast<double>(z) * spacing[0];
        result.labels.at(0, z, y, x) = sample_at(body, p).label;
        result.image.at(0, z, y, x) = static_cast<float>(value * std::exp(shading * body.bias(p)));
      }
    }
  }
  blur_slices(result.image, 0.6);
  for (float& value : result.image.data)
    value = static_cast<float>(std::round(1000 * rician(value, noise, rng)));
  return result;
}

}  // namespace seg
