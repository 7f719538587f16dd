#include <CLI/CLI.hpp>

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "app/command.h"
#include "app/options.h"
#include "base/error.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/suggest.h"

namespace seg {
namespace {

constexpr int kUsage = 2;
constexpr int kBug = 70;
char trainer_option[] = "--tr";

/// Names the option or command the user may have meant.
std::string hint_for(const CLI::App& app, const std::vector<std::string>& arguments) {
  std::vector<std::string> known;
  const CLI::App* scope = &app;
  for (const auto* command : app.get_subcommands()) scope = command;
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

/// Starts the program anew with OpenMP threads that sleep while they wait. By default they spin, which on a
/// machine with other work to do slows every parallel loop by up to ten times; libgomp reads the variable
/// only while loading.
void wait_passively(char** argv) {
  constexpr const char* kVariable = "OMP_WAIT_POLICY";
  if (std::getenv(kVariable) != nullptr) return;
  setenv(kVariable, "passive", 1);
  std::error_code unknown;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", unknown);
  execv(program.c_str(), argv);  // returns only where that is not possible; then the threads spin
}

int run(int argc, char** argv) {
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
  for (char** argument = argv; *argument != nullptr; ++argument) {
    if (std::string_view(*argument) == "-tr") *argument = trainer_option;  // as nnU-Net spells it
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& wish) {  // --help, --version
    return app.exit(wish);
  } catch (const CLI::ParseError& error) {
    const auto* scope = app.get_subcommands().empty() ? &app : app.get_subcommands().front();
    std::fprintf(stderr, "error: %s\n", error.what());
    const std::string hint = hint_for(app, std::vector<std::string>(argv + 1, argv + argc));
    if (!hint.empty()) std::fprintf(stderr, "hint: %s\n", hint.c_str());
    std::fprintf(stderr, "see swin-umamba %s--help\n",
                 scope == &app ? "" : (scope->get_name() + " ").c_str());
    return kUsage;
  }
  wait_passively(argv);
  chosen();
  return 0;
}

}  // namespace
}  // namespace seg

static seg::Error out_of_memory() {
  return seg::Error("out of memory", "use a smaller patch or batch, or fewer threads");
}

// The program's only catch: every error ends here as a message and an exit code.
int main(int argc, char** argv) {
  try {
    return seg::run(argc, argv);
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
