#include "eval/pictures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <set>

#include "base/json.h"
#include "base/rng.h"
#include "eval/axes.h"
#include "eval/canvas.h"
#include "image/image_io.h"
#include "support/errors.h"
#include "support/folder.h"
#include "support/goldens.h"
#include "support/tolerances.h"

namespace seg {
namespace {

using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

const double kNan = std::numeric_limits<double>::quiet_NaN();

/// Pixels (x, y) of a picture that have exactly this colour, x by x.
std::vector<std::array<std::int64_t, 2>> pixels_of(const Image& picture, const Colour& colour) {
  const std::array<float, 3> rgb{static_cast<float>(std::lround(colour.r * 255)),
                                 static_cast<float>(std::lround(colour.g * 255)),
                                 static_cast<float>(std::lround(colour.b * 255))};
  std::vector<std::array<std::int64_t, 2>> found;
  for (std::int64_t x = 0; x < picture.shape[3]; ++x) {
    for (std::int64_t y = 0; y < picture.shape[2]; ++y) {
      if (picture.at(0, 0, y, x) == rgb[0] && picture.at(1, 0, y, x) == rgb[1] &&
          picture.at(2, 0, y, x) == rgb[2])
        found.push_back({x, y});
    }
  }
  return found;
}

TrainingCurves curves_of(std::vector<double> train_loss) {
  const std::vector<double> flat(train_loss.size(), 0.5);
  return {std::move(train_loss), flat, flat, flat, flat, flat};
}

class Pictures : public ::testing::Test {
 protected:
  Image draw(const TrainingCurves& curves) {
    draw_training_curves(folder_ / "curves.png", curves, "title");
    return read_image(folder_ / "curves.png").voxels;
  }
  Image draw(const Image& image, const Labels* reference, const Labels& prediction,
             const std::vector<std::string>& names = {}, const std::string& title = "title") {
    draw_overlay(folder_ / "overlay.png", image, reference, prediction, names, title);
    return read_image(folder_ / "overlay.png").voxels;
  }
  TemporaryFolder folder_;
};

constexpr std::int64_t kBelowLegend = 110;  // the plots begin below
constexpr std::int64_t kUpperPlotEnds = 640;

/// Of the upper plot, pixels in the training loss's colour.
std::vector<std::array<std::int64_t, 2>> training_loss_pixels(const Image& picture) {
  auto pixels = pixels_of(picture, distinct_colour(4));
  std::erase_if(pixels, [](const auto& p) { return p[1] < kBelowLegend || p[1] > kUpperPlotEnds; });
  return pixels;
}

TEST_F(Pictures, TrainingLossFallsFromLeftToRight) {
  std::vector<double> loss;
  for (int epoch = 0; epoch < 50; ++epoch) loss.push_back(1.0 - 0.02 * epoch);
  const Image picture = draw(curves_of(loss));
  EXPECT_EQ(picture.shape, (Shape4{3, 1, 1200, 1600}));
  const auto pixels = training_loss_pixels(picture);
  ASSERT_GT(pixels.size(), 1000u);
  EXPECT_GT(pixels.back()[0] - pixels.front()[0], 1300);
  for (std::size_t i = 1; i < pixels.size(); ++i) {
    const bool next_column = pixels[i][0] > pixels[i - 1][0];
    EXPECT_TRUE(!next_column || pixels[i][1] + 5 >= pixels[i - 1][1]) << "x " << pixels[i][0];
  }
  EXPECT_GT(pixels.back()[1] - pixels.front()[1], 400);
}

/// A plot of a picture: the pixels [left, right) x [top, bottom).
struct Panel {
  std::int64_t left, right, top, bottom;
};

/// The plots of nnU-Net's picture: what its seaborn style shades, from top to bottom.
std::vector<Panel> shaded_panels(const Image& picture) {
  std::vector<Panel> panels;
  const Colour shade{234 / 255.0, 234 / 255.0, 242 / 255.0};
  std::map<std::int64_t, Panel> rows;  // of each row, from the first to the last shaded pixel
  for (const auto& [x, y] : pixels_of(picture, shade)) {
    const auto [row, is_new] = rows.try_emplace(y, Panel{x, x + 1, y, y + 1});
    row->second.right = x + 1;
  }
  for (const auto& [y, row] : rows) {
    if (row.right - row.left < picture.shape[3] / 2) continue;  // a legend
    const bool goes_on =
        !panels.empty() && y - panels.back().bottom < 20;  // lines of the grid are not shaded
    if (!goes_on) panels.push_back(row);
    panels.back().bottom = y + 1;
  }
  return panels;
}

/// Where the uppermost curve of a colour crosses the column of every epoch, as height above the plot's
/// ground, 0 to 1.
std::vector<double> heights(const Image& picture, const Panel& panel, const Colour& colour,
                            std::size_t epochs, double margin) {
  const auto pixels = pixels_of(picture, colour);
  const double width = static_cast<double>(panel.right - panel.left);
  std::vector<double> found;
  for (std::size_t i = 0; i < epochs; ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(epochs - 1);
    const double column = static_cast<double>(panel.left) + width * (margin + (1 - 2 * margin) * share);
    std::set<std::int64_t> rows;
    for (const auto& [x, y] : pixels) {
      if (std::abs(static_cast<double>(x) - column) <= 3 && y >= panel.top && y < panel.bottom)
        rows.insert(y);
    }
    if (rows.empty()) return {};
    std::int64_t last = *rows.begin();
    while (rows.contains(last + 1)) ++last;
    const double middle = static_cast<double>(*rows.begin() + last) / 2;
    found.push_back((static_cast<double>(panel.bottom) - middle) /
                    static_cast<double>(panel.bottom - panel.top));
  }
  return found;
}

/// The largest distance of `heights` from the straight line that fits `values` best.
double bend(const std::vector<double>& values, const std::vector<double>& heights) {
  if (heights.size() != values.size()) return 1;
  const auto mean = [](const std::vector<double>& v) {
    return std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
  };
  const double value_mean = mean(values), height_mean = mean(heights);
  double covariance = 0, variance = 0, worst = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    covariance += (values[i] - value_mean) * (heights[i] - height_mean);
    variance += (values[i] - value_mean) * (values[i] - value_mean);
  }
  EXPECT_GT(covariance, 0);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double line = height_mean + covariance / variance * (values[i] - value_mean);
    worst = std::max(worst, std::abs(heights[i] - line));
  }
  return worst;
}

/// Ours shows the same curves in the same plots as the one nnU-Net drew of the same training.
TEST_F(Pictures, TrainingCurvesShowWhatNnunetsPictureShows) {
  const fs::path golden = testing::shared_folder() / "goldens/pipeline/training/minitrain";
  SEG_REQUIRE_SHARED("goldens/pipeline/training/minitrain");
  const Json log = read_json(golden / "files_and_checkpoints.json").at("logging_values");
  const auto values = [&](const char* key) { return get<std::vector<double>>(log, key); };
  TrainingCurves curves{
      values("train_losses"), values("val_losses"), values("mean_fg_dice"), values("ema_fg_dice"), {},
      values("lrs")};
  const auto starts = values("epoch_start_timestamps"), ends = values("epoch_end_timestamps");
  for (std::size_t i = 0; i < ends.size(); ++i) curves.epoch_seconds.push_back(ends[i] - starts[i]);
  const Image theirs = read_image(golden / "progress.png").voxels, ours = draw(curves);

  const auto shaded = shaded_panels(theirs);
  ASSERT_EQ(shaded.size(), 3u);  // losses and Dice, seconds, learning rate
  const std::vector<Panel> drawn{{120, 1480, 120, 630}, {120, 1480, 700, 870}, {120, 1480, 930, 1100}};
  const Colour blue{76 / 255.0, 114 / 255.0, 176 / 255.0}, red{196 / 255.0, 78 / 255.0, 82 / 255.0},
      green{85 / 255.0, 168 / 255.0, 104 / 255.0};
  struct Row {
    const char* name;
    const std::vector<double>& values;
    std::size_t panel;
    Colour theirs, ours;
  };
  for (const Row& row : {Row{"training loss", curves.train_loss, 0, blue, distinct_colour(4)},
                         Row{"validation loss", curves.val_loss, 0, red, distinct_colour(5)},
                         Row{"moving average", curves.ema_dice, 0, green, distinct_colour(2)},
                         Row{"seconds", curves.epoch_seconds, 1, blue, distinct_colour(4)},
                         Row{"learning rate", curves.learning_rate, 2, blue, distinct_colour(4)}}) {
    SCOPED_TRACE(row.name);
    const auto epochs = row.values.size();
    constexpr double kMatplotlibMargin = 0.05 / 1.1;  // of the data's width on either side
    EXPECT_LT(bend(row.values, heights(theirs, shaded[row.panel], row.theirs, epochs, kMatplotlibMargin)),
              testing::kCurveHeight);
    EXPECT_LT(bend(row.values, heights(ours, drawn[row.panel], row.ours, epochs, 0)), testing::kCurveHeight);
  }
}

TEST_F(Pictures, CurvesHaveGapsAtNan) {
  std::vector<double> loss(11, 0.2);
  loss[5] = kNan;
  const auto pixels = training_loss_pixels(draw(curves_of(loss)));
  ASSERT_FALSE(pixels.empty());
  std::int64_t widest_gap = 0;
  for (std::size_t i = 1; i < pixels.size(); ++i)
    widest_gap = std::max(widest_gap, pixels[i][0] - pixels[i - 1][0]);
  EXPECT_NEAR(static_cast<double>(widest_gap), 2 * 1360 / 10.0, 4);  // the two steps around the gap
}

TEST_F(Pictures, OneEpochIsADot) {
  const auto pixels = training_loss_pixels(draw(curves_of({0.3})));
  ASSERT_GT(pixels.size(), 10u);
  EXPECT_LT(pixels.back()[0] - pixels.front()[0], 12);
}

TEST_F(Pictures, CurvesWithoutAnyNumberAreDrawnEmpty) {
  EXPECT_TRUE(training_loss_pixels(draw(curves_of({kNan, kNan, kNan}))).empty());
}

TEST_F(Pictures, CurvesMustBeOfOneLength) {
  TrainingCurves curves = curves_of({1, 2});
  curves.val_loss.pop_back();
  EXPECT_THAT(error_of([&] { draw(curves); }), HasSubstr("expected 2 values in every curve, got 1"));
  EXPECT_THAT(error_of([&] { draw(TrainingCurves{}); }), HasSubstr("no epoch"));
}

TEST(SpreadOf, IsTakenOverTheCurvesThatHaveTheEpoch) {
  const CurveSpread spread = spread_of({{0.25, kNan, 0.5}, {0.75, kNan}});
  EXPECT_THAT(spread.mean, ElementsAre(0.5, ::testing::IsNan(), 0.5));
  EXPECT_THAT(spread.low, ElementsAre(0.25, ::testing::IsNan(), 0.5));
  EXPECT_THAT(spread.high, ElementsAre(0.75, ::testing::IsNan(), 0.5));
}

TEST_F(Pictures, GroupedCurvesAreLinesInBands) {
  draw_grouped_curves(folder_ / "grouped.png", {{"wide", {{0, 0, 0}, {1, 1, 1}}}, {"one", {{0.2, 0.2, 0.2}}}},
                      "Dice");
  const Image picture = read_image(folder_ / "grouped.png").voxels;
  const auto heights = [&](const Colour& colour) {
    std::int64_t least = 1000, greatest = 0;
    for (const auto& [x, y] : pixels_of(picture, colour)) {
      if (x > 1130) continue;  // the legend
      least = std::min(least, y);
      greatest = std::max(greatest, y);
    }
    return std::pair{least, greatest};
  };
  const auto [line_top, line_bottom] = heights(distinct_colour(4));
  EXPECT_LT(line_bottom - line_top, 8);
  // Beside the grid a column is white, then of the band's colour, then white.
  constexpr std::int64_t kColumn = 150;
  std::vector<std::int64_t> coloured;
  for (std::int64_t y = 62; y < 698; ++y) {
    if (picture.at(2, 0, y, kColumn) != picture.at(0, 0, y, kColumn)) coloured.push_back(y);
  }
  ASSERT_FALSE(coloured.empty());
  EXPECT_GT(coloured.back() - coloured.front(), 500);  // most of the plot's 640 pixels
  EXPECT_NEAR(static_cast<double>(coloured.front() + coloured.back()),
              static_cast<double>(line_top + line_bottom), 8);
  EXPECT_GT(heights(distinct_colour(5)).first, line_bottom);
  EXPECT_THAT(error_of([&] {
                draw_grouped_curves(folder_ / "x.png", {{"none", {}}}, "");
              }),
              HasSubstr("no epoch to draw"));
}

TEST(RoundTicks, AreRoundAndInside) {
  EXPECT_THAT(round_ticks({0, 1}, 5), ElementsAre(0, 0.2, ::testing::DoubleNear(0.4, 1e-12),
                                                  ::testing::DoubleNear(0.6, 1e-12), 0.8, 1));
  EXPECT_THAT(round_ticks({-0.85, 0.2}, 4), ElementsAre(-0.5, 0));
  EXPECT_THAT(round_ticks({0, 2}, 10, true), ElementsAre(0, 1, 2));
  EXPECT_THAT(round_ticks({0, 999}, 10, true), ElementsAre(0, 100, 200, 300, 400, 500, 600, 700, 800, 900));
  for (const double scale : {1e-9, 1e-3, 7.0, 3e12}) {
    const auto ticks = round_ticks({-scale, 2 * scale}, 6);
    EXPECT_GE(ticks.size(), 3u);
    EXPECT_LE(ticks.size(), 7u);
  }
}

TEST(RangeOf, IsNeverEmpty) {
  const std::vector<double> none{kNan}, flat{2, 2}, zero{0}, some{1, kNan, 3};
  EXPECT_EQ(range_of({&none}, 0.1).high, 1);
  EXPECT_LT(range_of({&flat}, 0.1).low, range_of({&flat}, 0.1).high);
  EXPECT_LT(range_of({&zero}, 0.1).low, range_of({&zero}, 0.1).high);
  EXPECT_DOUBLE_EQ(range_of({&some}, 0.1).low, 0.8);
  EXPECT_DOUBLE_EQ(range_of({&some}, 0.1).high, 3.2);
}

Labels half_filled(const Shape4& shape, std::int32_t value) {
  Labels labels(shape);
  for (std::int64_t z = 0; z < shape[1]; ++z) {
    for (std::int64_t y = 0; y < shape[2] / 2; ++y) {
      for (std::int64_t x = 0; x < shape[3]; ++x) labels.at(0, z, y, x) = value;
    }
  }
  return labels;
}

TEST_F(Pictures, OverlayShowsTheReferenceInTheMiddleAndThePredictionOnTheRight) {
  const Image image({1, 1, 20, 20});
  const Labels reference = half_filled(image.shape, 1), prediction = half_filled(image.shape, 2);
  const Image picture = draw(image, &reference, prediction, {"background", "liver", "tumour"});
  const std::int64_t width = picture.shape[3], panels_end = 102 + 600;
  EXPECT_NEAR(static_cast<double>(width), 3 * 600 + 2 * 14 + 2 * 24, 1);
  for (const int value : {1, 2}) {
    auto outline = pixels_of(picture, distinct_colour(value - 1));
    EXPECT_TRUE(
        std::any_of(outline.begin(), outline.end(), [&](auto& p) { return p[1] > panels_end; }));  // legend
    std::erase_if(outline, [&](const auto& p) { return p[1] >= panels_end; });
    ASSERT_GT(outline.size(), 2u * 2 * 600);
    EXPECT_EQ(outline.front()[0], 24 + value * 614);
    EXPECT_EQ(outline.back()[0], 24 + value * 614 + 599);
    for (const auto& pixel : outline) EXPECT_LT(pixel[1], 102 + 300);  // the upper half only
  }
}

TEST_F(Pictures, OverlayWithoutReferenceHasTwoPanels) {
  const Image image({1, 1, 20, 20});
  const Image picture = draw(image, nullptr, half_filled(image.shape, 1));
  EXPECT_NEAR(static_cast<double>(picture.shape[3]), 2 * 600 + 14 + 2 * 24, 1);
}

TEST_F(Pictures, OverlayEnlargesSmallAndReducesLargeImages) {
  EXPECT_GE(draw(Image({1, 1, 3, 3}), nullptr, Labels({1, 1, 3, 3})).shape[2], 600);
  EXPECT_LE(draw(Image({1, 1, 500, 3000}), nullptr, Labels({1, 1, 500, 3000})).shape[3], 2 * 900 + 100);
}

TEST_F(Pictures, OverlayShowsTheSliceWithTheMostForeground) {
  Image image({1, 9, 10, 10});
  Labels labels(image.shape);
  labels.at(0, 6, 2, 2) = labels.at(0, 6, 2, 3) = 4;
  const Image picture = draw(image, &labels, labels);
  EXPECT_FALSE(pixels_of(picture, distinct_colour(3)).empty());
  EXPECT_EQ(picture.shape[2], draw(Image({1, 1, 10, 10}), nullptr, half_filled({1, 1, 10, 10}, 1)).shape[2]);
}

TEST_F(Pictures, OverlayKeepsTheColoursOfRgbImages) {
  Image image({3, 1, 8, 8});
  for (std::int64_t i = 0; i < 64; ++i) {
    image.channel(0)[static_cast<std::size_t>(i)] = 200;
    image.channel(1)[static_cast<std::size_t>(i)] = 30;
    image.channel(2)[static_cast<std::size_t>(i)] = i < 32 ? 90 : 91;
  }
  const Image picture = draw(image, nullptr, Labels({1, 1, 8, 8}));
  EXPECT_GT(pixels_of(picture, {200 / 255.0, 30 / 255.0, 90 / 255.0}).size(), 2u * 600 * 200);
}

TEST_F(Pictures, OverlayTakesOddInput) {
  Image image({1, 1, 4, 5});
  image.data[3] = std::nanf("");
  Labels labels({1, 1, 4, 5});
  for (std::size_t i = 0; i < labels.data.size(); ++i)
    labels.data[i] = static_cast<std::int32_t>(i * 100) - 1;
  const Image many = draw(image, &labels, labels, {}, std::string(300, 'W'));  // a wide title, a long legend
  EXPECT_GT(many.shape[3], 3000);
  EXPECT_THAT(error_of([&] {
                draw(Image({1, 1, 4, 4}), nullptr, labels);
              }),
              HasSubstr("prediction: expected"));
  EXPECT_THAT(error_of([&] {
                draw(Image({1, 0, 4, 4}), nullptr, Labels({1, 0, 4, 4}));
              }),
              HasSubstr("empty"));
}

TEST(DistinctColour, DiffersAmongTwentyOneLabels) {
  for (int a = 0; a < 21; ++a) {
    for (int b = 0; b < a; ++b) {
      const Colour u = distinct_colour(a), v = distinct_colour(b);
      EXPECT_GT(std::abs(u.r - v.r) + std::abs(u.g - v.g) + std::abs(u.b - v.b), 0.15) << a << " and " << b;
    }
  }
}

}  // namespace
}  // namespace seg
