// A network's weights by name, as float32.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/memory.h"
#include "engine/calibration.h"
#include "weights/named_arrays.h"

namespace seg::engine {

/// Values of an array: those in the file's map where they lie there as they are needed, else a copy. What
/// holds them goes with the last of its copies.
template <class Value>
class Values {
 public:
  Values() = default;
  Values(
      std::vector<Value> values) {  // NOLINT(google-explicit-constructor): a vector is one way to have them
    const auto owner = std::make_shared<const std::vector<Value>>(std::move(values));
    values_ = *owner;
    owner_ = owner;
  }
  Values(std::span<const Value> values, std::shared_ptr<const void> owner)
      : values_(values), owner_(std::move(owner)) {}

  const Value* data() const { return values_.data(); }
  std::size_t size() const { return values_.size(); }
  bool empty() const { return values_.empty(); }
  const Value& operator[](std::int64_t i) const { return values_[static_cast<std::size_t>(i)]; }
  auto begin() const { return values_.begin(); }
  auto end() const { return values_.end(); }
  Values part(std::int64_t first, std::int64_t count) const {
    return {values_.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)), owner_};
  }
  /// So many others, which `fill(Value* place)` writes.
  template <class Fill>
  static Values made(std::size_t count, Fill fill) {
    std::shared_ptr<float[]> memory =
        uncleared_floats((count * sizeof(Value) + sizeof(float) - 1) / sizeof(float));
    auto* values = reinterpret_cast<Value*>(memory.get());
    fill(values);
    return {{values, count}, std::move(memory)};
  }
  std::vector<Value> copy() const { return {begin(), end()}; }

 private:
  std::span<const Value> values_{};
  std::shared_ptr<const void> owner_{};
};

/// A layer's weight: float32, or int8 (engine/int8_weights.h).
struct Weight {
  Values<float> values{};               ///< empty where it is int8
  Values<std::int8_t> int8{};           ///< empty where it is not
  std::vector<float> channel_scales{};  ///< of int8: of the output channels
  Int8Scale input{};                    ///< of int8

  bool is_int8() const { return !int8.empty(); }
  /// What values the layer's whole numbers are multiples of, by output channel.
  std::vector<float> sum_scales() const;
  /// `edit` done to the values, whichever they are.
  template <class Edit>
  void edit_values(Edit edit) {
    is_int8() ? edit(int8) : edit(values);
  }
};

class Parameters {
 public:
  /// `arrays` must outlive this.
  /// `read` is called with each array whose values are needed no more; `arrays` must live until then, too.
  explicit Parameters(std::span<const TensorView> arrays, std::function<void(const TensorView&)> read = {});

  /// The values of an array. Throws Error where it is missing or of another shape.
  Values<float> get(const std::string& name, const std::vector<std::int64_t>& shape) const;
  /// A layer's weight; `name` without ".weight". Throws Error as `get`, and where scales are not positive.
  Weight weight(const std::string& name, const std::vector<std::int64_t>& shape,
                std::size_t out_axis = 0) const;
  /// Its shape. Throws Error where it is missing.
  const std::vector<std::int64_t>& shape(const std::string& name) const;

 private:
  const TensorView& find(const std::string& name) const;
  const TensorView& find(const std::string& name, const std::vector<std::int64_t>& shape) const;

  /// What calls `read` when it goes.
  std::shared_ptr<const void> reader(const TensorView& array) const;

  std::map<std::string_view, const TensorView*> arrays_;
  std::function<void(const TensorView&)> read_;
};

}  // namespace seg::engine
