// "Did you mean" for unknown names.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace seg {

/// The known word closest to `word` by edit distance, or "" where none is close.
std::string closest_word(std::string_view word, const std::vector<std::string>& known);

/// Throws a usage Error: `unknown <what> "<word>"`, listing what is known, with the closest word as the hint.
[[noreturn]] void fail_unknown(std::string_view what, std::string_view word,
                               const std::vector<std::string>& known);

}  // namespace seg
