// A white page to draw on (Cairo), written as PNG.
#pragma once
#include <cairo.h>

#include <memory>
#include <string>
#include <vector>

#include "base/files.h"

namespace seg {

/// Red, green, blue and opacity in [0, 1].
struct Colour {
  double r = 0, g = 0, b = 0, a = 1;
  Colour with_opacity(double opacity) const { return {r, g, b, opacity}; }
};

constexpr Colour kBlack{0.13, 0.13, 0.13}, kGrey{0.45, 0.45, 0.45}, kPaleGrey{0.87, 0.87, 0.87};

/// Colours that people with colour blindness can tell apart (Okabe and Ito 2008); the eighth and later are
/// lighter, then darker versions of the first seven. `index` is 0 or more.
Colour distinct_colour(int index);

/// Pixels from the upper left corner.
struct Point {
  double x = 0, y = 0;
};

struct Rectangle {
  double left = 0, top = 0, width = 0, height = 0;
  double right() const { return left + width; }
  double bottom() const { return top + height; }
};

enum class Align { left, centre, right };

struct TextStyle {
  double size = 18;  ///< pixels
  Align align = Align::left;
  Colour colour = kBlack;
  bool bold = false;
  bool upwards = false;  ///< reads from bottom to top
};

/// Straight (not premultiplied) colours [height, width].
struct Pixels {
  int width = 0, height = 0;
  std::vector<Colour> colours;
};

class Canvas {
 public:
  /// Throws Error for sizes that are not positive or beyond Cairo's limit.
  Canvas(int width, int height);

  void fill(const Rectangle& box, const Colour& colour);
  void frame(const Rectangle& box, const Colour& colour, double line_width);
  /// A polyline; a single point becomes a dot.
  void line(const std::vector<Point>& points, const Colour& colour, double line_width);
  /// The inside of a closed polygon.
  void area(const std::vector<Point>& points, const Colour& colour);
  /// `at` is the baseline's start, middle or end. Text is UTF-8.
  void text(const Point& at, const std::string& text, const TextStyle& style);
  double text_width(const std::string& text, const TextStyle& style);
  /// Stretches the pixels over the box, smoothly or pixel by pixel.
  void picture(const Rectangle& box, const Pixels& pixels, bool smooth);
  /// Later drawing is cut to the box, until `unclip`.
  void clip(const Rectangle& box);
  void unclip();

  void write_png(const fs::path& path) const;

 private:
  template <auto destroy>
  struct Free {
    template <class T>
    void operator()(T* object) const {
      destroy(object);
    }
  };
  void set_colour(const Colour& colour);
  void set_font(const TextStyle& style);

  std::unique_ptr<cairo_surface_t, Free<cairo_surface_destroy>> surface_;
  std::unique_ptr<cairo_t, Free<cairo_destroy>> cairo_;
};

}  // namespace seg
