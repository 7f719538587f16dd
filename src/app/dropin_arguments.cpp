#include "app/dropin_arguments.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "base/suggest.h"

namespace seg {
namespace {

bool is_positional(const Argument& argument) {
  return !argument.names.starts_with('-');
}

std::vector<std::string> names_of(const Argument& argument) {
  std::vector<std::string> names;
  for (std::size_t at = 0; at < argument.names.size();) {
    const std::size_t end = std::min(argument.names.find(' ', at), argument.names.size());
    names.emplace_back(argument.names.substr(at, end - at));
    at = end + 1;
  }
  return names;
}

/// "-i", "--verbose"; a negative number is a value.
bool is_option(const std::string& word) {
  return word.size() > 1 && word[0] == '-' && std::isdigit(static_cast<unsigned char>(word[1])) == 0;
}

/// The argument called `word`, or the only one that has a name beginning with it.
const Argument& find_argument(std::span<const Argument> known, const std::string& word) {
  std::vector<std::string> names;
  const Argument* found = nullptr;
  int matches = 0;
  for (const Argument& argument : known) {
    if (is_positional(argument)) continue;
    for (const std::string& name : names_of(argument)) {
      if (name == word) return argument;
      names.push_back(name);
      if (!name.starts_with(word)) continue;
      found = &argument;
      ++matches;
    }
  }
  if (matches != 1) fail_unknown("option", word, names);
  return *found;
}

}  // namespace

std::string Arguments::one(std::string_view name, std::string_view fallback) const {
  const auto found = given_.find(std::string(name));
  return found == given_.end() ? std::string(fallback) : found->second.front();
}

std::vector<std::string> Arguments::many(std::string_view name, std::vector<std::string> fallback) const {
  const auto found = given_.find(std::string(name));
  return found == given_.end() ? std::move(fallback) : found->second;
}

Arguments parse_arguments(std::span<const Argument> known, std::span<const std::string> words) {
  Arguments parsed;
  auto next_positional = std::find_if(known.begin(), known.end(), is_positional);
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!is_option(words[i])) {
      if (next_positional == known.end()) fail_usage("unexpected argument \"{}\"", words[i]);
      parsed.given_[names_of(*next_positional).front()] = {words[i]};
      next_positional = std::find_if(next_positional + 1, known.end(), is_positional);
      continue;
    }
    const std::size_t equals = words[i].find('=');
    const Argument& argument = find_argument(known, words[i].substr(0, equals));
    auto& values = parsed.given_[names_of(argument).front()];
    values.clear();
    if (equals != std::string::npos) values.push_back(words[i].substr(equals + 1));
    const std::size_t most = argument.takes == Takes::nothing ? 0
                             : argument.takes == Takes::one   ? 1
                                                              : words.size();
    while (values.size() < most && equals == std::string::npos && i + 1 < words.size() &&
           !is_option(words[i + 1]))
      values.push_back(words[++i]);
    if (argument.takes == Takes::nothing && !values.empty()) fail_usage("{} takes no value", words[i]);
    if (argument.takes != Takes::nothing && values.empty()) fail_usage("{}: expected a value", words[i]);
  }
  for (const Argument& argument : known) {
    const std::string name = names_of(argument).front();
    if (argument.required && !parsed.has(name)) fail_usage("{} is required", name);
  }
  return parsed;
}

std::string usage_line(std::string_view program, std::span<const Argument> known) {
  std::string line(program);
  for (const Argument& argument : known) {
    std::string text = names_of(argument).front();
    if (!is_positional(argument) && argument.takes != Takes::nothing) text += " VALUE";
    if (argument.takes == Takes::many) text += " ...";
    line += argument.required ? " " + text : " [" + text + "]";
  }
  return line;
}

}  // namespace seg
