// What a command of the program is. The table lies in commands.cpp; main.cpp walks it.
#pragma once
#include <functional>
#include <span>
#include <string_view>

namespace CLI {
class App;
}

namespace seg {

/// Runs a command once its options are parsed.
using Run = std::function<void()>;

struct Command {
  std::string_view name;
  std::string_view summary;       ///< one line of `swin-umamba --help`
  Run (*declare)(CLI::App& app);  ///< adds the options and an example footer, returns what runs
};

std::span<const Command> commands();

}  // namespace seg
