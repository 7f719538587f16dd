#include "weights/pickle_record.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/error.h"
#include "base/json.h"

namespace seg {
namespace {

using Kind = PickleValue::Kind;

constexpr int kMaxDepth = 64;
constexpr std::size_t kMaxCost = std::size_t{32} << 20;                    // roughly bytes of JSON
constexpr std::size_t kValueCost = 32, kLevelCost = 8, kKeysPerCost = 16;  // a level's is its indentation
constexpr std::size_t kMaxPlainKeys =
    10'000;  // of one dict; JSON keeps their order and looks them up one by one

bool is_tensor(const PickleValue& value) {
  if (!value.is(Kind::object) || !value.callable->is(Kind::global)) return false;
  const std::string& maker = value.callable->text;
  return maker.starts_with("torch._utils._rebuild_") || maker == "torch._tensor._rebuild_from_type_v2";
}

/// Type and byte order of a pickled numpy.dtype, such as "f8" and '<'.
struct NumpyType {
  char kind, order;
  std::size_t size;
};
std::optional<NumpyType> numpy_type(const PickleValue& value) {
  if (!value.is_object("numpy.dtype") || value.args->items.empty()) return {};
  const std::string& name = value.args->items[0]->text;
  if (name.size() != 2 || name[1] < '1' || name[1] > '8') return {};
  char order = '<';
  if (value.state != nullptr && value.state->items.size() > 1) {
    const std::string& text = value.state->items[1]->text;
    if (!text.empty()) order = text[0];
  }
  return NumpyType{name[0], order, static_cast<std::size_t>(name[1] - '0')};
}

template <class T>
Json number(const std::string& bytes) {
  T value{};
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

/// NumPy's scalars are pickled as scalar(dtype, bytes).
std::optional<Json> numpy_number(const PickleValue& value) {
  const bool scalar =
      value.is_object("numpy.core.multiarray.scalar") || value.is_object("numpy._core.multiarray.scalar");
  if (!scalar || value.args->items.size() != 2) return {};
  const auto type = numpy_type(*value.args->items[0]);
  std::string bytes = value.args->items[1]->text;
  if (!type || bytes.size() != type->size) return {};
  if (type->order == '>') std::reverse(bytes.begin(), bytes.end());
  switch (type->kind << 8 | static_cast<int>(type->size)) {
    case 'f' << 8 | 8:
      return number<double>(bytes);
    case 'f' << 8 | 4:
      return number<float>(bytes);
    case 'i' << 8 | 8:
      return number<std::int64_t>(bytes);
    case 'i' << 8 | 4:
      return number<std::int32_t>(bytes);
    case 'i' << 8 | 2:
      return number<std::int16_t>(bytes);
    case 'i' << 8 | 1:
      return number<std::int8_t>(bytes);
    case 'u' << 8 | 8:
      return number<std::uint64_t>(bytes);
    case 'u' << 8 | 4:
      return number<std::uint32_t>(bytes);
    case 'u' << 8 | 2:
      return number<std::uint16_t>(bytes);
    case 'u' << 8 | 1:
      return number<std::uint8_t>(bytes);
    case 'b' << 8 | 1:
      return Json(bytes[0] != 0);
    default:
      return {};
  }
}

class Recorder {
 public:
  explicit Recorder(const TensorVisitor& visit) : visit_(visit) {}

  /// `name` is the way to the value; nothing for a tensor, and for containers of nothing but tensors.
  std::optional<Json> record(const PickleValue& value, const std::string& name, bool in_object, int depth) {
    if (depth > kMaxDepth) fail("its values are nested deeper than {} levels", kMaxDepth);
    spend(kValueCost + kLevelCost * static_cast<std::size_t>(depth) + name.size());
    switch (value.kind) {
      case Kind::none:
        return Json(nullptr);
      case Kind::boolean:
        return Json(value.integer != 0);
      case Kind::integer:
        return Json(value.integer);
      case Kind::real:
        return Json(value.real);
      case Kind::text:
      case Kind::global:
        spend(value.text.size());
        return Json(value.text);
      case Kind::large_integer:
        return Json("a number beyond 64 bits");
      case Kind::bytes:
        return Json(fmt::format("{} bytes", value.text.size()));
      case Kind::persistent:
        return Json(nullptr);
      case Kind::list:
      case Kind::tuple:
        return list(value, name, in_object, depth);
      case Kind::dict:
        return dict(value, name, in_object, depth);
      case Kind::object:
        break;
    }
    if (const auto numpy = numpy_number(value)) return numpy;
    if (!is_tensor(value)) return object(value, depth);
    if (in_object) return Json(nullptr);
    visit_(name, value);
    return {};
  }

 private:
  void spend(std::size_t cost) {
    if (cost > cost_left_) fail("its values are too many, or repeated too often");
    cost_left_ -= cost;
  }

  static std::string inside(const std::string& name, const std::string& key) {
    return name.empty() ? key : name + "." + key;
  }

  std::optional<Json> list(const PickleValue& value, const std::string& name, bool in_object, int depth) {
    Json json = Json::array();
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      auto element = record(*value.items[i], inside(name, std::to_string(i)), in_object, depth + 1);
      if (element) json.push_back(std::move(*element));
    }
    if (json.empty() && !value.items.empty()) return {};
    return json;
  }

  std::string key_text(const PickleValue& key) {
    switch (key.kind) {
      case Kind::text:
        spend(key.text.size());
        return key.text;
      case Kind::integer:
        return std::to_string(key.integer);
      case Kind::boolean:
        return key.integer != 0 ? "True" : "False";
      case Kind::real:
        return fmt::format("{}", key.real);
      default:
        return "?";
    }
  }

  std::optional<Json> dict(const PickleValue& value, const std::string& name, bool in_object, int depth) {
    Json json = Json::object();
    for (std::size_t i = 0; i + 1 < value.items.size(); i += 2) {
      const std::string key = key_text(*value.items[i]);
      auto element = record(*value.items[i + 1], inside(name, key), in_object, depth + 1);
      if (!element) continue;
      if (json.size() == kMaxPlainKeys) fail("a dict has more than {} entries", kMaxPlainKeys);
      spend(json.size() / kKeysPerCost);
      json[key] = std::move(*element);
    }
    if (json.empty() && !value.items.empty()) return {};
    return json;
  }

  Json object(const PickleValue& value, int depth) {
    const auto part = [&](const PickleValue& inner) {
      return record(inner, {}, true, depth + 1).value_or(Json(nullptr));
    };
    Json json = {{"class", part(*value.callable)}, {"args", part(*value.args)}};
    if (value.state != nullptr) json["state"] = part(*value.state);
    if (!value.items.empty()) {
      json["items"] = Json::array();
      for (const auto* inner : value.items) json["items"].push_back(part(*inner));
    }
    return json;
  }

  const TensorVisitor& visit_;
  std::size_t cost_left_ = kMaxCost;
};

}  // namespace

Json read_record(const PickleValue& root, const TensorVisitor& visit) {
  return Recorder(visit).record(root, {}, false, 0).value_or(Json(nullptr));
}

}  // namespace seg
