#include "base/json.h"

#include <array>
#include <cmath>
#include <limits>

namespace seg {
namespace {

struct PythonNumber {
  std::string_view word;
  double value;
};
constexpr std::array<PythonNumber, 3> kPythonNumbers{
    {{"NaN", std::numeric_limits<double>::quiet_NaN()},
     {"Infinity", std::numeric_limits<double>::infinity()},
     {"-Infinity", -std::numeric_limits<double>::infinity()}}};
constexpr char kMark = '\x01';  // cannot stand unescaped in a JSON string

constexpr int kMaxDepth = 200;  // the functions below follow nested values by recursion

/// JSON has no NaN and Infinity, Python's json module writes them bare: make them marked strings for the
/// parser. Refuses values nested too deep.
std::string mark_python_numbers(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 16);
  bool in_string = false;
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (in_string && text[i] == '\\' && i + 1 < text.size()) {
      out += text[i++];
    } else if (text[i] == '"') {
      in_string = !in_string;
    } else if (!in_string && (text[i] == '[' || text[i] == '{')) {
      if (++depth > kMaxDepth) fail("values are nested deeper than {} levels", kMaxDepth);
    } else if (!in_string && (text[i] == ']' || text[i] == '}')) {
      --depth;
    } else if (!in_string && (text[i] == 'N' || text[i] == 'I' || text[i] == '-')) {
      const auto rest = text.substr(i);
      bool replaced = false;
      for (const auto& number : kPythonNumbers) {
        if (!rest.starts_with(number.word)) continue;
        out += fmt::format("\"\\u0001{}\"", number.word);
        i += number.word.size() - 1;
        replaced = true;
        break;
      }
      if (replaced) continue;
    }
    out += text[i];
  }
  return out;
}

void restore_python_numbers(Json& json) {
  if (json.is_string()) {
    const auto& text = json.get_ref<const std::string&>();
    if (text.empty() || text[0] != kMark) return;
    for (const auto& number : kPythonNumbers) {
      if (std::string_view(text).substr(1) == number.word) {
        json = number.value;
        return;
      }
    }
  } else if (json.is_structured()) {
    for (auto& item : json) restore_python_numbers(item);
  }
}

std::string scalar_text(const Json& json) {
  if (json.is_number_float()) {
    const double value = json.get<double>();
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
    std::string text = fmt::format("{}", value);  // the shortest digits that read back equal; dump() has more
    return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);  // file names need not be UTF-8
}

void append_text(const Json& json, int depth, std::string& out) {
  if (!json.is_structured() || json.empty()) {
    out += json.is_structured() ? (json.is_object() ? "{}" : "[]") : scalar_text(json);
    return;
  }
  const std::string indent(static_cast<std::size_t>(depth + 1) * 4, ' ');
  out += json.is_object() ? "{\n" : "[\n";
  bool first = true;
  for (const auto& [key, value] : json.items()) {
    if (!first) out += ",\n";
    first = false;
    out += indent;
    if (json.is_object()) out += scalar_text(Json(key)) + ": ";
    append_text(value, depth + 1, out);
  }
  out += "\n" + std::string(static_cast<std::size_t>(depth) * 4, ' ') + (json.is_object() ? "}" : "]");
}

}  // namespace

Json parse_json(std::string_view text, std::string_view origin) {
  const std::string marked = with_context(origin, [&] { return mark_python_numbers(text); });
  try {
    Json json = Json::parse(marked);
    restore_python_numbers(json);
    return json;
  } catch (const nlohmann::json::exception& error) {
    fail("{} is not valid JSON: {}", origin, error.what());
  }
}

Json read_json(const fs::path& path) {
  return parse_json(read_text(path), path.string());
}

std::string to_text(const Json& json) {
  std::string out;
  append_text(json, 0, out);
  return out;
}

void write_json(const fs::path& path, const Json& json) {
  write_text(path, to_text(json) + "\n");
}

Json object_of(const Json& json, std::string_view key) {
  Json object = get<Json>(json, key);
  if (!object.is_object()) fail("key \"{}\" is no object", key);
  return object;
}

}  // namespace seg
