#include "weights/array_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "support/errors.h"
#include "weights/array_statistics.h"

namespace seg {
namespace {

using ::testing::ElementsAre;

template <class T>
TensorView view_of(TensorType type, const std::vector<T>& values) {
  return {"a", type, {static_cast<std::int64_t>(values.size())}, std::as_bytes(std::span(values))};
}

float value_of_half(std::uint16_t bits) {
  return float_values(view_of(TensorType::f16, std::vector<std::uint16_t>{bits}))[0];
}

TEST(ArrayValues, ReadsEveryType) {
  const std::vector<std::int64_t> wide{-3, std::int64_t{1} << 40};
  EXPECT_THAT(double_values(view_of(TensorType::i64, wide)), ElementsAre(-3, 0x1p40));
  EXPECT_THAT(double_values(view_of<std::int32_t>(TensorType::i32, {-7, 7})), ElementsAre(-7, 7));
  EXPECT_THAT(double_values(view_of<std::int16_t>(TensorType::i16, {-8})), ElementsAre(-8));
  EXPECT_THAT(double_values(view_of<std::int8_t>(TensorType::i8, {-9})), ElementsAre(-9));
  EXPECT_THAT(double_values(view_of<std::uint8_t>(TensorType::u8, {255})), ElementsAre(255));
  EXPECT_THAT(double_values(view_of<std::uint8_t>(TensorType::boolean, {0, 1})), ElementsAre(0, 1));
  EXPECT_THAT(double_values(view_of<double>(TensorType::f64, {0.1})), ElementsAre(0.1));
  EXPECT_THAT(float_values(view_of<float>(TensorType::f32, {0.5f, -2})), ElementsAre(0.5f, -2));
  EXPECT_THAT(float_values(view_of<double>(TensorType::f64, {0.1})), ElementsAre(0.1f));
  EXPECT_THAT(float_values(view_of<std::uint16_t>(TensorType::bf16, {0x3F80, 0xC040})), ElementsAre(1, -3));
  EXPECT_THAT(float_values(view_of<std::uint16_t>(TensorType::f16, {0x3C00, 0xC200, 1})),
              ElementsAre(1, -3, 0x1p-24f));
  EXPECT_THAT(testing::error_of([&] { float_values(view_of(TensorType::i64, wide)); }),
              ::testing::HasSubstr("a: expected floating-point values, got I64"));
}

TEST(ArrayValues, BytesNeedNoAlignment) {
  const std::vector<float> values{1, 2, 3};
  std::vector<std::byte> bytes(1 + sizeof(float) * values.size());
  std::ranges::copy(std::as_bytes(std::span(values)), bytes.begin() + 1);
  EXPECT_EQ(float_values({"a", TensorType::f32, {3}, std::span(bytes).subspan(1)}), values);
}

TEST(ArrayValues, Float16IsTheNearestTiesToEven) {
  for (std::uint32_t bits = 0; bits < 0x7BFF; ++bits) {  // every one but the largest, and the next
    const auto here = static_cast<std::uint16_t>(bits), next = static_cast<std::uint16_t>(bits + 1);
    const float value = value_of_half(here), middle = (value + value_of_half(next)) / 2;
    ASSERT_EQ(half_of(value), here);
    ASSERT_EQ(half_of(-value), here | 0x8000);
    ASSERT_EQ(half_of(middle), bits % 2 == 0 ? here : next);
    ASSERT_EQ(half_of(std::nextafter(middle, 0.f)), here);
    ASSERT_EQ(half_of(std::nextafter(middle, 1e9f)), next);
  }
  EXPECT_EQ(half_of(65519.9f), 0x7BFF);
  EXPECT_EQ(half_of(65520.f), 0x7C00);
  EXPECT_EQ(half_of(-INFINITY), 0xFC00);
  EXPECT_TRUE(std::isnan(value_of_half(half_of(NAN))));
}

TEST(ArrayStatistics, AreThoseOfThePopulation) {
  const auto found = array_statistics(view_of<float>(TensorType::f32, {1, 2, 3, 6}));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->mean, 3);
  EXPECT_DOUBLE_EQ(found->std, std::sqrt(3.5));
  EXPECT_EQ(found->min, 1);
  EXPECT_EQ(found->max, 6);
  EXPECT_FALSE(array_statistics(view_of<float>(TensorType::f32, {})));
}

}  // namespace
}  // namespace seg
