#include <CLI/CLI.hpp>

#include <unistd.h>

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "app/command.h"
#include "app/dropin.h"
#include "app/options.h"
#include "base/error.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/start.h"
#include "base/suggest.h"

namespace seg {
namespace {

constexpr int kUsage = 2;
constexpr int kBug = 70;
constexpr std::array<std::string_view, 2> kHelp{"-h", "--help"};

/// Names the option or command the user may have meant.
std::string hint_for(const CLI::App& app, const std::vector<std::string>& arguments) {
  std::vector<std::string> known;
  const CLI::App* scope = &app;
  while (!scope->get_subcommands().empty()) scope = scope->get_subcommands().front();
  for (const auto* command : scope->get_subcommands([](const CLI::App*) { return true; }))
    known.push_back(command->get_name());
  for (const auto* option : scope->get_options()) {
    for (const auto& name : option->get_lnames()) known.push_back("--" + name);
  }
  for (const auto& argument : arguments) {
    const std::string word = argument.substr(0, argument.find('='));
    if (std::find(known.begin(), known.end(), word) != known.end() || word.size() < 3) continue;
    const bool option = word.starts_with("--");
    if (!option && scope != &app) continue;
    const std::string closest = closest_word(word, known);
    if (!closest.empty() && closest.starts_with("--") == option) return "did you mean \"" + closest + "\"?";
  }
  return {};
}

int report(const Error& error) {
  clear_progress_line();
  std::fprintf(stderr, "error: %s\n", error.what());
  if (!error.hint().empty()) std::fprintf(stderr, "hint: %s\n", error.hint().c_str());
  return static_cast<int>(error.kind());
}

[[noreturn]] void start_full_program(char** argv) {
  const std::filesystem::path program = own_path().replace_filename(full_program());
  set_start_environment();
  execv(program.c_str(), argv);
  throw Error(fmt::format("cannot start {}: {}", program.string(), std::strerror(errno)),
              "it belongs beside swin-umamba; cmake builds both");
}

bool has_command(std::string_view name) {
  return std::ranges::any_of(commands(), [&](const Command& command) { return command.name == name; });
}

/// Runs one of our own command lines.
int run_command(const CommandLine& arguments) {
  CLI::App app{"2-D medical image segmentation with Swin-UMamba: plan, preprocess, train, predict, evaluate.",
               "swin-umamba"};
  app.set_version_flag("--version", SEG_VERSION);
  app.require_subcommand(1);
  Run chosen;
  for (const Command& command : commands()) {
    CLI::App* sub = app.add_subcommand(std::string(command.name), std::string(command.summary));
    Run body = command.declare(*sub);
    add_common_options(*sub);
    sub->final_callback([&chosen, body] { chosen = body; });
  }
  try {
    app.parse(CommandLine(arguments.rbegin(), arguments.rend()));  // CLI11 takes the last one first
  } catch (const CLI::Success& wish) {                             // --help, --version
    return app.exit(wish);
  } catch (const CLI::ParseError& error) {
    const auto* scope = app.get_subcommands().empty() ? &app : app.get_subcommands().front();
    std::fprintf(stderr, "error: %s\n", error.what());
    const std::string hint = hint_for(app, arguments);
    if (!hint.empty()) std::fprintf(stderr, "hint: %s\n", hint.c_str());
    std::fprintf(stderr, "see swin-umamba %s--help\n",
                 scope == &app ? "" : (scope->get_name() + " ").c_str());
    return kUsage;
  }
  chosen();
  return 0;
}

/// A call by one of nnU-Net's names: each of our command lines that it stands for, until one fails.
int run_drop_in(const DropIn& drop_in, const CommandLine& arguments, char** argv) {
  if (std::find_first_of(arguments.begin(), arguments.end(), kHelp.begin(), kHelp.end()) != arguments.end()) {
    fmt::print("usage: {}\nruns as swin-umamba with its options of the same meaning\n",
               usage_line(drop_in.name, drop_in.arguments));
    return 0;
  }
  const auto lines = with_context(
      drop_in.name, [&] { return drop_in.translate(parse_arguments(drop_in.arguments, arguments)); });
  for (const CommandLine& line : lines) {
    if (!full_program().empty() && !has_command(line[0])) start_full_program(argv);
  }
  for (const CommandLine& line : lines) {
    note("{}: swin-umamba {}", drop_in.name, fmt::join(line, " "));
    if (const int code = run_command(line); code != 0) return code;
  }
  return 0;
}

int run(int argc, char** argv) {
  CommandLine arguments(argv + 1, argv + argc);
  const std::string called = std::filesystem::path(argc > 0 ? argv[0] : "").filename().string();
  if (const DropIn* drop_in = find_drop_in(called)) return run_drop_in(*drop_in, arguments, argv);
  std::replace(arguments.begin(), arguments.end(), std::string("-tr"),
               std::string("--tr"));  // nnU-Net's spelling
  const bool here = !arguments.empty() && (has_command(arguments[0]) || arguments[0] == "--version");
  if (!full_program().empty() && !here) start_full_program(argv);
  return run_command(arguments);
}

}  // namespace
}  // namespace seg

static seg::Error out_of_memory() {
  return seg::Error("out of memory", "use a smaller patch or batch, or fewer threads");
}

// The program's only catch: every error ends here as a message and an exit code.
int main(int argc, char** argv) {
  try {
    try {
      return seg::run(argc, argv);
    } catch (const seg::NeedsFullProgram&) {
      seg::start_full_program(argv);
    }
  } catch (const seg::Error& error) {
    return seg::report(error);
  } catch (const std::bad_alloc&) {
    return seg::report(out_of_memory());
  } catch (const std::exception& error) {
    // LibTorch has an exception of its own for a failed allocation.
    if (std::string_view(error.what()).find("can't allocate memory") != std::string_view::npos) {
      return seg::report(out_of_memory());
    }
    std::fprintf(stderr, "internal error: %s\nplease report this as a bug\n", error.what());
    return seg::kBug;
  }
}
