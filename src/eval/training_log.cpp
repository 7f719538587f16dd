#include "eval/training_log.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <string>

#include "base/error.h"
#include "eval/statistics.h"

namespace seg {
namespace {

constexpr std::string_view kEpoch = ": Epoch ", kDice = ": Pseudo dice [";

/// The numbers of "0.5, nan]", also where NumPy wraps them as "np.float32(0.5)".
std::vector<double> numbers_of(std::string text) {
  text.resize(std::min(text.find(']'), text.size()));
  std::vector<double> numbers;
  std::istringstream words(text);
  for (std::string word; std::getline(words, word, ',');) {
    const auto bracket = word.find('(');
    numbers.push_back(std::strtod(word.c_str() + (bracket == std::string::npos ? 0 : bracket + 1), nullptr));
  }
  return numbers;
}

}  // namespace

std::vector<double> logged_pseudo_dice(const fs::path& fold) {
  std::vector<std::string> logs;
  for (const auto& path : list_files(fold, ".txt")) {
    if (path.filename().string().starts_with("training_log_")) logs.push_back(read_text(path));
  }
  std::ranges::sort(logs);  // each begins with its time
  std::vector<double> values;
  std::size_t epoch = 0;
  for (const auto& log : logs) {
    std::istringstream lines(log);
    for (std::string line; std::getline(lines, line);) {
      if (const auto at = line.find(kEpoch); at != std::string::npos) {
        const char* number = line.c_str() + at + kEpoch.size();
        if (*number >= '0' && *number <= '9')  // not "Epoch time"
          epoch = std::min<std::size_t>(std::strtoull(number, nullptr, 10), values.size());
      } else if (const auto dice = line.find(kDice); dice != std::string::npos) {
        values.resize(epoch);  // epochs that are trained again
        values.push_back(nan_mean(numbers_of(line.substr(dice + kDice.size()))));
      }
    }
  }
  if (values.empty()) {
    throw Error(fmt::format("no training_log_*.txt with a finished epoch in {}", fold.string()),
                "expected the folder of a fold, such as MODEL_FOLDER/fold_0");
  }
  return values;
}

}  // namespace seg
