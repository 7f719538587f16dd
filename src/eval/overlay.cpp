#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "eval/canvas.h"
#include "eval/pictures.h"

namespace seg {
namespace {

// Longer side of a panel in pixels; a single slice may be larger than one of several.
constexpr double kMinPanel = 600, kMinPanelOfSeveral = 420, kMaxPanel = 900;
constexpr double kMargin = 24, kGap = 14, kTitleHeight = 44, kCaptionHeight = 34, kLegendRow = 32;
constexpr double kFillOpacity = 0.3;
constexpr int kOutline = 2;  ///< pixels
constexpr std::size_t kMaxLegendEntries = 24;

/// What the columns show.
struct Column {
  const char* caption;
  const Labels* labels;  ///< nullptr for the image alone
};

void check_sizes(const Image& image, const Labels& labels, const char* what) {
  if (image.count() == 0) fail("cannot draw an empty image");
  if (image.space() != labels.space())
    fail("{}: expected the size of the image, {}, got {}", what, fmt::join(image.space(), "x"),
         fmt::join(labels.space(), "x"));
}

/// The slice with the most foreground, and those at a quarter and three quarters of the foreground's depth.
std::vector<std::int64_t> choose_slices(const Labels& labels) {
  const std::int64_t depth = labels.shape[1], plane = labels.shape[2] * labels.shape[3];
  std::vector<std::int64_t> foreground(static_cast<std::size_t>(depth));
  for (std::int64_t i = 0; i < labels.count(); ++i) foreground[i / plane] += labels.data[i] > 0;
  const auto most = std::max_element(foreground.begin(), foreground.end());
  if (*most == 0) return {depth / 2};
  const auto is_some = [](std::int64_t count) { return count > 0; };
  const std::int64_t first = std::find_if(foreground.begin(), foreground.end(), is_some) - foreground.begin();
  const std::int64_t last =
      foreground.rend() - std::find_if(foreground.rbegin(), foreground.rend(), is_some) - 1;
  const std::set<std::int64_t> slices{first + (last - first) / 4, most - foreground.begin(),
                                      first + (last - first) * 3 / 4};
  return {slices.begin(), slices.end()};
}

/// Turns voxels into colours: grey, or RGB, between two percentiles of what is shown.
class Shader {
 public:
  Shader(const Image& image, const std::vector<std::int64_t>& slices)
      : image_(image), rgb_(image.channels() == 3 && image.shape[1] == 1) {
    const std::int64_t plane = image.shape[2] * image.shape[3];
    std::vector<float> values;
    for (std::int64_t c = 0; c < (rgb_ ? 3 : 1); ++c) {
      for (const auto z : slices) {
        const float* slice = &image.at(c, z, 0, 0);
        std::copy_if(slice, slice + plane, std::back_inserter(values),
                     [](float v) { return std::isfinite(v); });
      }
    }
    if (values.empty()) return;
    std::sort(values.begin(), values.end());
    const bool bytes = rgb_ && values.front() >= 0 && values.back() > 1 && values.back() <= 255;
    const auto percentile = [&](double share) {
      return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
    };
    low_ = bytes ? 0.0 : percentile(0.005);
    high_ = bytes ? 255.0 : percentile(0.995);
  }

  Pixels slice(std::int64_t z) const {
    const std::int64_t height = image_.shape[2], width = image_.shape[3];
    Pixels pixels{static_cast<int>(width), static_cast<int>(height), {}};
    for (std::int64_t y = 0; y < height; ++y) {
      for (std::int64_t x = 0; x < width; ++x) {
        const auto channel = [&](std::int64_t c) { return brightness(image_.at(rgb_ ? c : 0, z, y, x)); };
        pixels.colours.push_back({channel(0), channel(1), channel(2)});
      }
    }
    return pixels;
  }

 private:
  double brightness(double value) const {
    if (!std::isfinite(value) || high_ <= low_) return 0;
    return std::clamp((value - low_) / (high_ - low_), 0.0, 1.0);
  }

  const Image& image_;
  bool rgb_;
  double low_ = 0, high_ = 0;
};

Colour colour_of(std::int32_t value) {
  return distinct_colour(value - 1);
}

/// The labels of a slice at the panel's resolution: transparent areas with opaque outlines inside them.
Pixels label_layer(const Labels& labels, std::int64_t z, int width, int height) {
  const auto label_at = [&](int x, int y) {
    if (x < 0 || y < 0 || x >= width || y >= height) return -1;
    return labels.at(0, z, y * labels.shape[2] / height, x * labels.shape[3] / width);
  };
  Pixels layer{width, height, std::vector<Colour>(static_cast<std::size_t>(width) * height, {0, 0, 0, 0})};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const std::int32_t label = label_at(x, y);
      if (label < 1) continue;
      const bool outline = label_at(x - kOutline, y) != label || label_at(x + kOutline, y) != label ||
                           label_at(x, y - kOutline) != label || label_at(x, y + kOutline) != label;
      layer.colours[static_cast<std::size_t>(y) * width + x] =
          colour_of(label).with_opacity(outline ? 1 : kFillOpacity);
    }
  }
  return layer;
}

std::set<std::int32_t> values_of(const std::vector<Column>& columns) {
  std::set<std::int32_t> values;
  for (const auto& column : columns) {
    if (column.labels == nullptr) continue;
    std::int32_t last = 0;
    for (const auto value : column.labels->data) {
      if (value != last && value > 0) values.insert(value);
      last = value;
    }
  }
  return values;
}

/// One entry of the legend and where it stands, from the legend's upper left corner.
struct LegendEntry {
  std::string name;
  Colour colour;
  Point at;
};

/// Breaks the entries into rows of the given width; returns them with the legend's height.
std::pair<std::vector<LegendEntry>, double> lay_out_legend(const std::set<std::int32_t>& values,
                                                           const std::vector<std::string>& names,
                                                           double width) {
  constexpr double kSwatch = 28, kSpace = 26;
  Canvas ruler(1, 1);
  std::vector<LegendEntry> entries;
  Point at;
  const auto add = [&](std::string name, const Colour& colour) {
    const double needed = kSwatch + ruler.text_width(name, {18});
    if (at.x > 0 && at.x + needed > width) at = {0, at.y + kLegendRow};
    entries.push_back({std::move(name), colour, at});
    at.x += needed + kSpace;
  };
  for (const auto value : values) {
    if (entries.size() == kMaxLegendEntries) {
      add(fmt::format("and {} more", values.size() - entries.size()), {1, 1, 1});
      break;
    }
    const auto i = static_cast<std::size_t>(value);
    add(i < names.size() && !names[i].empty() ? names[i] : fmt::format("label {}", value), colour_of(value));
  }
  return {std::move(entries), entries.empty() ? 0 : at.y + kLegendRow};
}

void draw_legend(Canvas& canvas, const Point& corner, const std::vector<LegendEntry>& entries) {
  for (const auto& entry : entries) {
    const double x = corner.x + entry.at.x, y = corner.y + entry.at.y;
    canvas.fill({x, y, 20, 20}, entry.colour);
    canvas.text({x + 28, y + 16}, entry.name, {18});
  }
}

/// The size of a panel: a slice enlarged or reduced to a comfortable size.
std::array<int, 2> panel_size(const Image& image, double pixel_aspect, std::size_t slices) {
  const double height = static_cast<double>(image.shape[2]) * pixel_aspect;
  const auto width = static_cast<double>(image.shape[3]);
  const double longer = std::max(height, width);
  const double scale = std::clamp(longer, slices > 1 ? kMinPanelOfSeveral : kMinPanel, kMaxPanel) / longer;
  return {std::max(1, static_cast<int>(std::lround(height * scale))),
          std::max(1, static_cast<int>(std::lround(width * scale)))};
}

/// One slice: a panel per column, `left` and `top` of the first given.
void draw_row(Canvas& canvas, const Shader& shader, const std::vector<Column>& columns, std::int64_t z,
              Rectangle panel) {
  const Pixels picture = shader.slice(z);
  for (const auto& column : columns) {
    canvas.picture(panel, picture, true);
    if (column.labels != nullptr) {
      canvas.picture(
          panel,
          label_layer(*column.labels, z, static_cast<int>(panel.width), static_cast<int>(panel.height)),
          false);
    }
    panel.left += panel.width + kGap;
  }
}

/// "slice 3 of 40", readable on any image.
void draw_slice_number(Canvas& canvas, const Point& corner, std::int64_t z, std::int64_t depth) {
  const TextStyle style{17, Align::left, {1, 1, 1}};
  const std::string text = fmt::format("slice {} of {}", z + 1, depth);
  canvas.fill({corner.x, corner.y, canvas.text_width(text, style) + 16, 28}, {0, 0, 0, 0.6});
  canvas.text({corner.x + 8, corner.y + 20}, text, style);
}

}  // namespace

void draw_overlay(const fs::path& png, const Image& image, const Labels* reference, const Labels& prediction,
                  const std::vector<std::string>& label_names, const std::string& title,
                  double pixel_aspect) {
  check_sizes(image, prediction, "prediction");
  if (reference != nullptr) check_sizes(image, *reference, "reference");
  if (!(pixel_aspect > 0)) fail("pixel aspect: expected a positive number, got {}", pixel_aspect);
  std::vector<Column> columns{{"image", nullptr}, {"reference", reference}, {"prediction", &prediction}};
  if (reference == nullptr) columns.erase(columns.begin() + 1);
  const auto slices = choose_slices(reference != nullptr ? *reference : prediction);
  const auto [height, width] = panel_size(image, pixel_aspect, slices.size());

  const TextStyle title_style{24, Align::left, kBlack, true};
  const double panels_width = static_cast<double>(columns.size()) * (width + kGap) - kGap;
  const double inner = std::max(panels_width, Canvas(1, 1).text_width(title, title_style));
  const auto [legend, legend_height] = lay_out_legend(values_of(columns), label_names, inner);
  const double top = kMargin + kTitleHeight + kCaptionHeight;
  const double bottom = top + static_cast<double>(slices.size()) * (height + kGap);
  Canvas canvas(static_cast<int>(std::ceil(inner + 2 * kMargin)),
                static_cast<int>(bottom + legend_height + kMargin));

  canvas.text({kMargin, kMargin + 22}, title, title_style);
  for (std::size_t i = 0; i < columns.size(); ++i)
    canvas.text({kMargin + static_cast<double>(i) * (width + kGap), top - 12}, columns[i].caption, {20});
  const Shader shader(image, slices);
  for (std::size_t row = 0; row < slices.size(); ++row) {
    const double y = top + static_cast<double>(row) * (height + kGap);
    draw_row(canvas, shader, columns, slices[row],
             {kMargin, y, static_cast<double>(width), static_cast<double>(height)});
    if (image.shape[1] > 1) draw_slice_number(canvas, {kMargin, y}, slices[row], image.shape[1]);
  }
  draw_legend(canvas, {kMargin, bottom + 4}, legend);
  canvas.write_png(png);
}

}  // namespace seg
