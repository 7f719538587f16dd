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

/// Those that this program runs itself.
std::span<const Command> commands();

/// The file name of the program beside this one that has all commands; empty where this one has. Loading
/// LibTorch takes most of a second, which only commands that use it should cost: `swin-umamba` does without
/// it, and hands them on.
std::string_view full_program();

/// Thrown by what only the full program can do, before anything is written.
struct NeedsFullProgram {};

}  // namespace seg
