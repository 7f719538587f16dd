#include "eval/canvas.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "base/error.h"

namespace seg {
namespace {

constexpr int kMaxPicture = 32767;  // Cairo's limit of an image surface

Colour mix(const Colour& a, const Colour& b, double share) {
  const auto blend = [share](double u, double v) { return u + (v - u) * share; };
  return {blend(a.r, b.r), blend(a.g, b.g), blend(a.b, b.b)};
}

Colour from_bytes(int r, int g, int b) {
  return {r / 255.0, g / 255.0, b / 255.0};
}

/// Cairo's ARGB32: premultiplied, one native-endian word a pixel.
std::uint32_t to_argb(const Colour& colour) {
  const auto byte = [](double v) {
    return static_cast<std::uint32_t>(std::lround(std::clamp(v, 0.0, 1.0) * 255));
  };
  return byte(colour.a) << 24 | byte(colour.r * colour.a) << 16 | byte(colour.g * colour.a) << 8 |
         byte(colour.b * colour.a);
}

}  // namespace

Colour distinct_colour(int index) {
  static const std::array<Colour, 7> kColours{
      from_bytes(230, 159, 0), from_bytes(86, 180, 233), from_bytes(0, 158, 115),  from_bytes(240, 228, 66),
      from_bytes(0, 114, 178), from_bytes(213, 94, 0),   from_bytes(204, 121, 167)};
  const auto& colour = kColours[static_cast<std::size_t>(index) % kColours.size()];
  switch (static_cast<std::size_t>(index) / kColours.size() % 3) {
    case 1:
      return mix(colour, {1, 1, 1}, 0.5);
    case 2:
      return mix(colour, {0, 0, 0}, 0.4);
    default:
      return colour;
  }
}

Canvas::Canvas(int width, int height) {
  if (width < 1 || height < 1 || width > kMaxPicture || height > kMaxPicture)
    fail("picture of {}x{} pixels: expected sides from 1 to {}", width, height, kMaxPicture);
  surface_.reset(cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height));
  cairo_.reset(cairo_create(surface_.get()));
  if (cairo_status(cairo_.get()) != CAIRO_STATUS_SUCCESS)
    fail("cannot make a picture of {}x{} pixels: {}", width, height,
         cairo_status_to_string(cairo_status(cairo_.get())));
  fill({0, 0, static_cast<double>(width), static_cast<double>(height)}, {1, 1, 1});
  cairo_set_line_join(cairo_.get(), CAIRO_LINE_JOIN_ROUND);
}

void Canvas::set_colour(const Colour& colour) {
  cairo_set_source_rgba(cairo_.get(), colour.r, colour.g, colour.b, colour.a);
}

void Canvas::fill(const Rectangle& box, const Colour& colour) {
  set_colour(colour);
  cairo_rectangle(cairo_.get(), box.left, box.top, box.width, box.height);
  cairo_fill(cairo_.get());
}

void Canvas::frame(const Rectangle& box, const Colour& colour, double line_width) {
  set_colour(colour);
  cairo_set_line_width(cairo_.get(), line_width);
  cairo_rectangle(cairo_.get(), box.left, box.top, box.width, box.height);
  cairo_stroke(cairo_.get());
}

void Canvas::line(const std::vector<Point>& points, const Colour& colour, double line_width) {
  if (points.empty()) return;
  set_colour(colour);
  cairo_new_path(cairo_.get());  // text leaves a current point behind
  if (points.size() == 1) {
    cairo_arc(cairo_.get(), points[0].x, points[0].y, line_width * 1.5, 0, 2 * std::acos(-1.0));
    cairo_fill(cairo_.get());
    return;
  }
  cairo_set_line_width(cairo_.get(), line_width);
  for (const Point& point : points) cairo_line_to(cairo_.get(), point.x, point.y);
  cairo_stroke(cairo_.get());
}

void Canvas::area(const std::vector<Point>& points, const Colour& colour) {
  set_colour(colour);
  cairo_new_path(cairo_.get());
  for (const Point& point : points) cairo_line_to(cairo_.get(), point.x, point.y);
  cairo_fill(cairo_.get());
}

void Canvas::set_font(const TextStyle& style) {
  cairo_select_font_face(cairo_.get(), "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                         style.bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(cairo_.get(), style.size);
}

double Canvas::text_width(const std::string& text, const TextStyle& style) {
  set_font(style);
  cairo_text_extents_t extents;
  cairo_text_extents(cairo_.get(), text.c_str(), &extents);
  return extents.x_advance;
}

void Canvas::text(const Point& at, const std::string& text, const TextStyle& style) {
  const double width = text_width(text, style);
  const double shift = style.align == Align::left ? 0 : style.align == Align::centre ? width / 2 : width;
  cairo_save(cairo_.get());
  cairo_translate(cairo_.get(), at.x, at.y);
  if (style.upwards) cairo_rotate(cairo_.get(), -std::acos(-1.0) / 2);
  set_colour(style.colour);
  cairo_move_to(cairo_.get(), -shift, 0);
  cairo_show_text(cairo_.get(), text.c_str());
  cairo_restore(cairo_.get());
}

void Canvas::picture(const Rectangle& box, const Pixels& pixels, bool smooth) {
  std::unique_ptr<cairo_surface_t, Free<cairo_surface_destroy>> surface(
      cairo_image_surface_create(CAIRO_FORMAT_ARGB32, pixels.width, pixels.height));
  if (cairo_surface_status(surface.get()) != CAIRO_STATUS_SUCCESS)
    fail("cannot draw an image of {}x{} pixels: {}", pixels.width, pixels.height,
         cairo_status_to_string(cairo_surface_status(surface.get())));
  cairo_surface_flush(surface.get());
  auto* words = reinterpret_cast<std::uint32_t*>(cairo_image_surface_get_data(surface.get()));
  const auto stride =
      static_cast<std::size_t>(cairo_image_surface_get_stride(surface.get())) / sizeof(*words);
  const auto width = static_cast<std::size_t>(pixels.width);
  for (std::size_t y = 0; y < static_cast<std::size_t>(pixels.height); ++y) {
    for (std::size_t x = 0; x < width; ++x) words[y * stride + x] = to_argb(pixels.colours[y * width + x]);
  }
  cairo_surface_mark_dirty(surface.get());

  cairo_save(cairo_.get());
  cairo_rectangle(cairo_.get(), box.left, box.top, box.width, box.height);
  cairo_clip(cairo_.get());
  cairo_translate(cairo_.get(), box.left, box.top);
  cairo_scale(cairo_.get(), box.width / pixels.width, box.height / pixels.height);
  cairo_set_source_surface(cairo_.get(), surface.get(), 0, 0);
  cairo_pattern_set_extend(cairo_get_source(cairo_.get()), CAIRO_EXTEND_PAD);
  cairo_pattern_set_filter(cairo_get_source(cairo_.get()), smooth ? CAIRO_FILTER_GOOD : CAIRO_FILTER_NEAREST);
  cairo_paint(cairo_.get());
  cairo_restore(cairo_.get());
}

void Canvas::clip(const Rectangle& box) {
  cairo_save(cairo_.get());
  cairo_rectangle(cairo_.get(), box.left, box.top, box.width, box.height);
  cairo_clip(cairo_.get());
}

void Canvas::unclip() {
  cairo_restore(cairo_.get());
}

void Canvas::write_png(const fs::path& path) const {
  write_atomically(path, [&](const fs::path& temporary) {
    const auto status = cairo_surface_write_to_png(surface_.get(), temporary.c_str());
    if (status != CAIRO_STATUS_SUCCESS) fail("{}", cairo_status_to_string(status));
  });
}

}  // namespace seg
