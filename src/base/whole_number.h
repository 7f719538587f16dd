// Whole numbers in names and keys.
#pragma once
#include <charconv>
#include <optional>
#include <string_view>

namespace seg {

/// "0003" or "3" as a number; nothing for anything else.
inline std::optional<int> whole_number(std::string_view text) {
  int value = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  if (error != std::errc() || end != last || value < 0) return std::nullopt;
  return value;
}

}  // namespace seg
