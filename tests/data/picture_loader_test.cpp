// Batches for a classifier: crops and colours within bounds, and the same for any number of threads.
#include "data/picture_loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "data/picture_augment.h"
#include "support/errors.h"
#include "support/tolerances.h"

namespace seg {
namespace {

using ::testing::HasSubstr;

Image noise(const Shape4& shape, std::uint64_t seed) {
  Image image(shape);
  Rng rng(seed);
  for (float& value : image.data) value = static_cast<float>(rng.uniform(0, 255));
  return image;
}

/// The definition of resize_crop, pixel by pixel in double.
double resized_pixel(const Image& image, const CropBox& box, Size2 size, std::int64_t c, std::int64_t y,
                     std::int64_t x) {
  const double step_y = box.height / static_cast<double>(size[0]),
               step_x = box.width / static_cast<double>(size[1]);
  const auto triangle = [](double distance, double reach) {
    return std::max(0.0, 1 - std::abs(distance) / reach);
  };
  double sum = 0, weights = 0;
  for (std::int64_t j = 0; j < image.shape[2]; ++j) {
    for (std::int64_t i = 0; i < image.shape[3]; ++i) {
      const double down = static_cast<double>(j) + 0.5 - box.top - (static_cast<double>(y) + 0.5) * step_y,
                   right = static_cast<double>(i) + 0.5 - box.left - (static_cast<double>(x) + 0.5) * step_x;
      const double weight = triangle(down, std::max(1.0, step_y)) * triangle(right, std::max(1.0, step_x));
      sum += weight * image.at(c, 0, j, i);
      weights += weight;
    }
  }
  return sum / weights;
}

TEST(ResizeCrop, EqualsItsDefinition) {
  const Image image = noise({3, 1, 23, 17}, 1);
  for (const auto& [box, size] : std::vector<std::pair<CropBox, Size2>>{{{0, 0, 23, 17}, {5, 4}},
                                                                        {{3, 2, 4, 5}, {9, 11}},
                                                                        {{1.5, 0.25, 20, 16.5}, {8, 24}},
                                                                        {{22, 16, 1, 1}, {3, 3}}}) {
    const Image resized = resize_crop(image, box, size);
    ASSERT_EQ(resized.shape, (Shape4{3, 1, size[0], size[1]}));
    for (std::int64_t c = 0; c < 3; ++c) {
      for (std::int64_t y = 0; y < size[0]; ++y) {
        for (std::int64_t x = 0; x < size[1]; ++x)
          EXPECT_NEAR(resized.at(c, 0, y, x), resized_pixel(image, box, size, c, y, x),
                      testing::kPictureValue);
      }
    }
  }
  EXPECT_EQ(resize_crop(image, {0, 0, 23, 17}, {23, 17}), image);
}

TEST(RandomCrop, StaysInsideTheLimits) {
  Rng rng(3);
  for (int i = 0; i < 2000; ++i) {
    const bool centred = i % 2 == 0;
    const CropBox box = random_crop(120, 200, centred, rng);
    EXPECT_GE(box.top, 0);
    EXPECT_GE(box.left, 0);
    EXPECT_LE(box.top + box.height, 120);
    EXPECT_LE(box.left + box.width, 200);
    // Sides are rounded to pixels.
    EXPECT_GE((box.height + 0.5) * (box.width + 0.5), 120 * 200 * (centred ? 0.25 : 0.08));
    EXPECT_LE((box.width - 0.5) / (box.height + 0.5), 4.0 / 3);
    EXPECT_LE((box.height - 0.5) / (box.width + 0.5), 4.0 / 3);
    if (centred) {
      EXPECT_EQ(2 * box.top + box.height, 120);
      EXPECT_EQ(2 * box.left + box.width, 200);
    }
  }
  const CropBox oblong = random_crop(3, 1000, false, rng);
  EXPECT_EQ(oblong.height, 3);
  EXPECT_EQ(oblong.width, 4);
}

TEST(JitterColours, FollowsTheFormulas) {
  const Image image = noise({3, 1, 6, 7}, 2);
  Image jittered = image;
  Rng rng(9);
  jitter_colours(jittered, 0.4, rng);
  Rng same(9);
  const double brightness = same.uniform(0.6, 1.4), contrast = same.uniform(0.6, 1.4),
               saturation = same.uniform(0.6, 1.4);
  const auto limited = [](double value) { return std::clamp(value, 0.0, 255.0); };
  const auto luma = [](const std::array<double, 3>& p) { return 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2]; };
  std::vector<std::array<double, 3>> pixels(42);
  double mean = 0;
  for (std::size_t i = 0; i < 42; ++i) {
    for (std::size_t c = 0; c < 3; ++c) pixels[i][c] = limited(brightness * image.data[42 * c + i]);
    mean += luma(pixels[i]) / 42;
  }
  for (std::size_t i = 0; i < 42; ++i) {
    for (double& value : pixels[i]) value = limited(mean + contrast * (value - mean));
    const double grey = luma(pixels[i]);
    for (std::size_t c = 0; c < 3; ++c) {
      EXPECT_NEAR(jittered.data[42 * c + i], limited(grey + saturation * (pixels[i][c] - grey)),
                  testing::kPictureValue);
    }
  }
  Image untouched = image;
  jitter_colours(untouched, 0, rng);
  for (std::size_t i = 0; i < image.data.size(); ++i)
    EXPECT_NEAR(untouched.data[i], image.data[i], testing::kPictureValue);
}

TEST(EvaluationPicture, IsTheNormalisedMiddle) {
  const Image image = noise({3, 1, 256, 300}, 4);
  const Image picture = evaluation_picture(image, 224);
  const std::array<double, 3> mean{0.485, 0.456, 0.406}, deviation{0.229, 0.224, 0.225};
  for (std::int64_t c = 0; c < 3; ++c) {
    const auto k = static_cast<std::size_t>(c);
    for (const auto& [y, x] : {std::pair<std::int64_t, std::int64_t>{0, 0}, {100, 7}, {223, 223}}) {
      EXPECT_NEAR(picture.at(c, 0, y, x), (image.at(c, 0, y + 16, x + 38) / 255 - mean[k]) / deviation[k],
                  1e-5);
    }
  }
}

TEST(TrainingPicture, IsReproducibleAndFlipsHalf) {
  Image ramp({3, 1, 64, 64});
  for (std::int64_t i = 0; i < ramp.count(); ++i)
    ramp.data[static_cast<std::size_t>(i)] = static_cast<float>(2 * (i % 64));
  int flipped = 0;
  for (std::uint64_t i = 0; i < 400; ++i) {
    Rng rng(1, i), same(1, i);
    const Image picture = training_picture(ramp, 32, false, rng);
    ASSERT_EQ(picture, training_picture(ramp, 32, false, same));
    flipped += picture.at(0, 0, 16, 0) > picture.at(0, 0, 16, 31) ? 1 : 0;
    const auto [low, high] = std::ranges::minmax(picture.data);
    EXPECT_GE(low, -2.2);  // (0 - 0.485) / 0.229
    EXPECT_LE(high, 2.7);  // (1 - 0.406) / 0.225
  }
  EXPECT_NEAR(flipped, 200, 40);  // four standard errors
}

/// Pictures of one value, the number of the picture, which is its class too.
class NumberedSource : public ImageSource {
 public:
  explicit NumberedSource(std::int64_t count, std::int64_t broken = -1) : count_(count), broken_(broken) {}
  std::int64_t count() const override { return count_; }
  std::int64_t class_of(std::int64_t index) const override { return index; }
  Image read(std::int64_t index) const override {
    if (index == broken_) fail("picture {} is broken", index);
    return Image({3, 1, 40, 40}, static_cast<float>(index));
  }

 private:
  std::int64_t count_, broken_;
};

PictureLoader loader(int threads, std::int64_t count = 7) {
  return {std::make_shared<NumberedSource>(count),
          {.batch_size = 2, .side = 32, .seed = 5, .threads = threads}};
}

TEST(PictureLoader, ShowsEveryPictureOnceAnEpochForAnyNumberOfThreads) {
  PictureLoader one = loader(1), many = loader(4);
  EXPECT_EQ(one.batches_per_epoch(), 3);
  std::set<std::vector<std::int64_t>> orders;
  for (int epoch = 0; epoch < 4; ++epoch) {
    std::vector<std::int64_t> order;
    for (int i = 0; i < 3; ++i) {
      const PictureBatch batch = one.next(), other = many.next();
      EXPECT_EQ(batch.data, other.data);
      EXPECT_EQ(batch.classes, other.classes);
      order.insert(order.end(), batch.classes.begin(), batch.classes.end());
    }
    EXPECT_EQ(std::set<std::int64_t>(order.begin(), order.end()).size(), 6u);
    orders.insert(order);
  }
  EXPECT_EQ(orders.size(), 4u);
}

TEST(PictureLoader, GoesOnFromABatch) {
  PictureLoader whole = loader(2), later = loader(2);
  for (int i = 0; i < 5; ++i) whole.next();
  later.seek(5);
  EXPECT_EQ(later.next().data, whole.next().data);
}

TEST(PictureLoader, TellsWhatIsWrong) {
  EXPECT_THAT(testing::error_of([] { loader(1, 1); }),
              HasSubstr("a batch of 2 pictures to train on at least, got 1"));
  PictureLoader broken(std::make_shared<NumberedSource>(4, 2), {.batch_size = 2, .side = 32, .threads = 2});
  EXPECT_EQ(testing::error_of([&] {
              for (int i = 0; i < 2; ++i) broken.next();
            }),
            "picture 2 is broken");
}

TEST(EvaluationBatch, TakesWhatIsLeft) {
  const NumberedSource source(7);
  const PictureBatch batch = evaluation_batch(source, 4, 5, 32);
  EXPECT_EQ(batch.classes, (std::vector<std::int64_t>{4, 5, 6}));
  EXPECT_EQ(batch.data.size(), 3u * 3 * 32 * 32);
  EXPECT_NEAR(batch.data.back(), (6 / 255.0 - 0.406) / 0.225, 1e-5);
}

}  // namespace
}  // namespace seg
