#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include "data/phantom.h"
#include "data/phantom_shapes.h"

namespace seg {
namespace {

constexpr std::int64_t kHeight = 256, kWidth = 320;
constexpr int kFramesPerScene = 3;
using Colour = std::array<double, 3>;  // red, green, blue in 0..1

/// A tool that comes from the edge of the picture: shaft, then wrist, then two jaws.
struct Instrument {
  Point tip_of_shaft;
  double angle, bend, opening;  ///< radians: shaft, wrist against the shaft, jaws apart
  double half_width, wrist_length, jaw_length;
  Colour shaft;
};

/// What stays the same while a scene moves.
struct Scene {
  Colour pale, deep;
  SmoothNoise folds, colour, vessels, grain;
  Point light, drift;
  std::vector<Instrument> instruments;
};

Instrument make_instrument(Rng& rng, int index, int count) {
  Instrument tool;
  // Tools come from different sides, spread around the picture, and point at its middle.
  const double around = 2 * std::numbers::pi * (index + rng.uniform(0.1, 0.9)) / count;
  const Point middle{kWidth * 0.5 + rng.uniform(-40, 40), kHeight * 0.5 + rng.uniform(-30, 30), 0};
  const double reach = rng.uniform(28, 70);
  tool.tip_of_shaft = middle + Point{reach * std::cos(around), reach * std::sin(around), 0};
  tool.angle = around + std::numbers::pi + rng.uniform(-0.35, 0.35);
  tool.bend = rng.uniform(-0.5, 0.5);
  tool.opening = rng.uniform(0.05, 0.5);
  tool.half_width = rng.uniform(11, 17);
  tool.wrist_length = tool.half_width * rng.uniform(1.7, 2.4);
  tool.jaw_length = tool.half_width * rng.uniform(1.8, 2.8);
  const double grey = rng.uniform(0.12, 0.30);
  tool.shaft = {grey, grey, grey * rng.uniform(1.0, 1.2)};
  return tool;
}

Scene make_scene(Rng& rng) {
  const double red = rng.uniform(0.72, 0.88);
  Scene scene{{red, red * rng.uniform(0.52, 0.66), red * rng.uniform(0.45, 0.58)},
              {red * 0.62, red * 0.2, red * 0.17},
              SmoothNoise(rng, 85),
              SmoothNoise(rng, 60),
              SmoothNoise(rng, 46),
              SmoothNoise(rng, 5),
              {kWidth * rng.uniform(0.4, 0.6), kHeight * rng.uniform(0.4, 0.6), 0},
              {rng.uniform(-14, 14), rng.uniform(-14, 14), rng.uniform(-6, 6)},
              {}};
  const int count = 1 + static_cast<int>(rng.below(3));
  for (int i = 0; i < count; ++i) scene.instruments.push_back(make_instrument(rng, i, count));
  return scene;
}

/// Tools swing and open a little from frame to frame.
void move_instruments(Scene& scene, int frame, Rng& rng) {
  for (Instrument& tool : scene.instruments) {
    tool.tip_of_shaft = tool.tip_of_shaft + Point{rng.uniform(-9, 9) * frame, rng.uniform(-9, 9) * frame, 0};
    tool.angle += 0.05 * frame * rng.uniform(-1, 1);
    tool.bend += 0.15 * frame * rng.uniform(-1, 1);
    tool.opening = std::clamp(tool.opening + 0.12 * frame * rng.uniform(-1, 1), 0.03, 0.6);
  }
}

double height(const Scene& scene, const Point& p) {
  return 26 * scene.folds.fractal(p, 3) + 1.2 * scene.grain(p * 0.6);
}

/// Wet, folded tissue under a headlight: diffuse light, vessels, and highlights where it faces the camera.
Colour tissue(const Scene& scene, const Point& pixel, int frame) {
  const Point p = pixel + scene.drift * frame;
  const double slope_x = height(scene, p + Point{1, 0, 0}) - height(scene, p - Point{1, 0, 0});
  const double slope_y = height(scene, p + Point{0, 1, 0}) - height(scene, p - Point{0, 1, 0});
  const double length = std::sqrt(slope_x * slope_x + slope_y * slope_y + 4);
  const double facing = (2 - 0.45 * slope_x - 0.55 * slope_y) / (1.23 * length);  // light from the upper left
  Colour colour = mix(scene.deep, scene.pale, smooth_step(-0.55, 0.55, scene.colour.fractal(p, 4)));
  const double wide = std::abs(scene.vessels.fractal(p, 2)),
               thin = std::abs(scene.vessels.fractal(p * 2.3, 2));
  const double vessel =
      std::max(1 - smooth_step(0.01, 0.05, wide), 0.6 * (1 - smooth_step(0.01, 0.06, thin)));
  colour = mix(colour, {0.45, 0.06, 0.08}, 0.55 * vessel);
  const double diffuse = 0.25 + 0.8 * std::clamp(facing, 0.0, 1.0) + 0.03 * scene.grain(p);
  const double wet =
      smooth_step(0.982, 0.998, facing) * smooth_step(0.15, 0.35, scene.colour.fractal(p * 1.7, 3));
  for (double& c : colour) c = c * diffuse + 0.75 * wet;
  return colour;
}

/// A point in the frame of a part: u along its axis from `from`, v across.
Point local(const Point& pixel, const Point& from, double angle) {
  const Point d = pixel - from;
  const double c = std::cos(angle), s = std::sin(angle);
  return {c * d.x + s * d.y, c * d.y - s * d.x, 0};
}

/// Light on a cylinder: dark edges, a bright line off the middle.
double cylinder_light(double across) {
  const double round = std::sqrt(std::max(0.0, 1 - across * across));
  return 0.35 + 0.75 * round + 0.9 * std::exp(-std::pow((across + 0.35) / 0.13, 2));
}

struct Hit {
  double share = 0;  ///< of the pixel
  int label = 0;
  Colour colour{};
};

Hit hit_shaft(const Instrument& tool, const Point& pixel) {
  const Point p = local(pixel, tool.tip_of_shaft, tool.angle);
  const double distance = std::max(std::abs(p.y) - tool.half_width, p.x);
  const double rings = std::exp(-std::pow((p.x + 9) / 1.6, 2)) + std::exp(-std::pow((p.x + 60) / 2.5, 2));
  Colour colour = mix(tool.shaft, {0.75, 0.75, 0.78}, std::min(1.0, rings));
  for (double& c : colour) c *= cylinder_light(p.y / tool.half_width);
  return {coverage(distance, 0.8), 1, colour};
}

Hit hit_wrist(const Instrument& tool, const Point& pixel) {
  const Point p = local(pixel, tool.tip_of_shaft, tool.angle + tool.bend);
  const double width = tool.half_width * mix(0.92, 0.7, std::clamp(p.x / tool.wrist_length, 0.0, 1.0));
  const double distance = std::max({std::abs(p.y) - width, -p.x - 5, p.x - tool.wrist_length});
  const double pin = std::hypot(p.x - tool.wrist_length * 0.55, p.y) / (0.38 * tool.half_width);
  double tone = 0.62 * cylinder_light(p.y / width);
  tone *= 1 - 0.55 * std::exp(-std::pow((pin - 1) / 0.22, 2));                        // groove round the pin
  tone *= 1 - 0.35 * std::exp(-std::pow((p.x - tool.wrist_length * 0.12) / 1.5, 2));  // joint
  return {coverage(distance, 0.8), 2, {tone, tone, tone * 1.04}};
}

Hit hit_jaw(const Instrument& tool, const Point& pixel, double side) {
  const double wrist_angle = tool.angle + tool.bend;
  const Point root =
      tool.tip_of_shaft + Point{std::cos(wrist_angle), std::sin(wrist_angle), 0} * (tool.wrist_length - 2);
  const Point p = local(pixel, root, wrist_angle + side * tool.opening);
  const double t = std::clamp(p.x / tool.jaw_length, 0.0, 1.0);
  const double curve = side * tool.half_width * (0.30 + 0.55 * t * (1 - t));
  const double width = tool.half_width * mix(0.34, 0.13, t);
  const double across = p.y - curve;
  const double distance = std::max({std::abs(across) - width, -p.x - 3, p.x - tool.jaw_length});
  double tone = 0.72 * cylinder_light(across / width);
  const double teeth = 0.5 + 0.5 * std::sin(p.x * 2.1);
  if (side * across < -0.2 * width) tone *= 0.55 + 0.4 * teeth;
  return {coverage(distance, 0.7), 3, {tone, tone, tone * 1.03}};
}

/// Soft shadow of a tool on the tissue below it.
double shadow(const Instrument& tool, const Point& pixel) {
  const Point p = pixel - Point{7, 9, 0};
  const Point shaft = local(p, tool.tip_of_shaft, tool.angle);
  const Point wrist = local(p, tool.tip_of_shaft, tool.angle + tool.bend);
  const double a = std::max(std::abs(shaft.y) - tool.half_width, shaft.x);
  const double b = std::max({std::abs(wrist.y) - 0.8 * tool.half_width, -wrist.x,
                             wrist.x - tool.wrist_length - 0.8 * tool.jaw_length});
  return 1 - 0.5 * coverage(std::min(a, b), 9);
}

}  // namespace

PhantomCase render_endoscopy(std::uint64_t seed, int index) {
  const int frame = index % kFramesPerScene;
  Rng scene_rng(seed, static_cast<std::uint64_t>(index / kFramesPerScene) + (1u << 20));
  Rng rng(seed, static_cast<std::uint64_t>(index));
  Scene scene = make_scene(scene_rng);
  move_instruments(scene, frame, rng);
  PhantomCase result;
  result.geometry.dimension = 2;
  result.geometry.spacing = {999, 1, 1};
  result.image = Image({3, 1, kHeight, kWidth});
  result.labels = Labels({1, 1, kHeight, kWidth});
  for (std::int64_t y = 0; y < kHeight; ++y) {
    for (std::int64_t x = 0; x < kWidth; ++x) {
      const Point pixel{static_cast<double>(x), static_cast<double>(y), 0};
      Colour colour = tissue(scene, pixel, frame);
      int label = 0;
      for (const Instrument& tool : scene.instruments)
        for (double& c : colour) c *= shadow(tool, pixel);
      for (const Instrument& tool : scene.instruments) {
        for (const Hit& hit : {hit_jaw(tool, pixel, -1), hit_jaw(tool, pixel, 1), hit_shaft(tool, pixel),
                               hit_wrist(tool, pixel)}) {
          colour = mix(colour, hit.colour, hit.share);
          if (hit.share >= 0.5) label = hit.label;
        }
      }
      const double from_light = std::hypot(pixel.x - scene.light.x, pixel.y - scene.light.y) / kHeight;
      const double lamp = 1.12 / (1 + 1.5 * from_light * from_light);
      result.labels.at(0, 0, y, x) = label;
      for (std::int64_t c = 0; c < 3; ++c)
        result.image.at(c, 0, y, x) = static_cast<float>(255 * lamp * colour[static_cast<std::size_t>(c)]);
    }
  }
  blur_slices(result.image, rng.uniform(0.5, 0.9));
  for (float& value : result.image.data)
    value = static_cast<float>(std::clamp(std::round(value + 2.5 * rng.normal()), 0.0, 255.0));
  return result;
}

}  // namespace seg
