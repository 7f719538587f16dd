// Messages for the person at the keyboard. They go to stderr; stdout carries results only.
#pragma once
#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

namespace seg {

/// With quiet set, notes and progress are dropped; warnings stay.
void set_quiet(bool quiet);
bool is_quiet();

void note_text(std::string_view text);
void warn_text(std::string_view text);

template <class... Args>
void note(fmt::format_string<Args...> format, Args&&... args) {
  note_text(fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  warn_text(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace seg
