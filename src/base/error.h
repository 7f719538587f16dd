// The one exception type of the project, with a chain of context.
#pragma once
#include <fmt/format.h>

#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace seg {

/// What went wrong decides the program's exit code: `failure` is 1, `usage` is 2.
enum class ErrorKind { failure = 1, usage = 2 };

/// An error a user can act on. `what()` reads "outer context > inner context > message".
class Error : public std::exception {
 public:
  explicit Error(std::string message, std::string hint = {}, ErrorKind kind = ErrorKind::failure)
      : what_(std::move(message)), hint_(std::move(hint)), kind_(kind) {}

  const char* what() const noexcept override { return what_.c_str(); }
  /// What the user can do about it; empty where nothing is known.
  const std::string& hint() const noexcept { return hint_; }
  ErrorKind kind() const noexcept { return kind_; }

  /// Puts `context` in front of the chain.
  Error& within(std::string_view context) {
    what_ = fmt::format("{} > {}", context, what_);
    return *this;
  }
  Error& with_hint(std::string hint) {
    hint_ = std::move(hint);
    return *this;
  }

 private:
  std::string what_;
  std::string hint_;
  ErrorKind kind_;
};

/// Throws an Error with a formatted message.
template <class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(fmt::format(format, std::forward<Args>(args)...));
}

/// Throws an Error of kind `usage` (exit code 2) with a formatted message.
template <class... Args>
[[noreturn]] void fail_usage(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(fmt::format(format, std::forward<Args>(args)...), {}, ErrorKind::usage);
}

/// Runs `body`; an Error that leaves it carries `context` in front.
template <class Body>
decltype(auto) with_context(std::string_view context, Body&& body) {
  try {
    return std::forward<Body>(body)();
  } catch (Error& error) {
    error.within(context);
    throw;
  }
}

}  // namespace seg
