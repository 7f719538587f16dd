// JSON files with errors that name the file and the key. Key order is kept; NaN and Infinity are read and
// written the way Python's json module does. Include this in .cpp files only; headers use base/json_fwd.h.
#pragma once
#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/files.h"
#include "base/json_fwd.h"

namespace seg {

/// Reads and parses a JSON file. Throws Error naming the file, line and column.
Json read_json(const fs::path& path);

/// Parses JSON text; `origin` names it in errors.
Json parse_json(std::string_view text, std::string_view origin);

/// Serialises with 4-space indents (Python's json.dump(indent=4)).
std::string to_text(const Json& json);

/// Writes atomically.
void write_json(const fs::path& path, const Json& json);

/// `json[key]` as T. Throws Error "<key>: missing" or "<key>: expected ..., got ...".
template <class T>
T get(const Json& json, std::string_view key) {
  const auto found = json.find(std::string(key));
  if (found == json.end()) fail("key \"{}\" is missing", key);
  try {
    return found->template get<T>();
  } catch (const nlohmann::json::exception&) {
    fail("key \"{}\" has an unexpected value: {}", key, found->dump().substr(0, 80));
  }
}

/// The same with a fallback for a missing key or null.
template <class T>
T get_or(const Json& json, std::string_view key, T fallback) {
  const auto found = json.find(std::string(key));
  return found == json.end() || found->is_null() ? fallback : get<T>(json, key);
}

/// `json[key]`, an object. Throws Error where it is missing or none.
Json object_of(const Json& json, std::string_view key);

}  // namespace seg
