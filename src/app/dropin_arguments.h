// Command lines as nnU-Net's programs read them: long options behind one or two dashes, lists of values,
// unique beginnings of names.
#pragma once
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace seg {

enum class Takes { nothing, one, many };

/// One argument of a program. Names are separated by blanks; one without a dash is positional.
struct Argument {
  std::string_view names;
  Takes takes = Takes::one;
  bool required = false;
};

/// What was given, under the first name of each argument.
class Arguments {
 public:
  bool has(std::string_view name) const { return given_.contains(std::string(name)); }
  /// The value, or `fallback` where the argument was not given.
  std::string one(std::string_view name, std::string_view fallback = {}) const;
  std::vector<std::string> many(std::string_view name, std::vector<std::string> fallback = {}) const;

 private:
  friend Arguments parse_arguments(std::span<const Argument>, std::span<const std::string>);
  std::map<std::string, std::vector<std::string>> given_;
};

/// Throws a usage Error for what is unknown, missing or without its value.
Arguments parse_arguments(std::span<const Argument> known, std::span<const std::string> words);

/// "NAME GT PRED -i VALUE [-f VALUE ...] [--flag]"
std::string usage_line(std::string_view program, std::span<const Argument> known);

}  // namespace seg
